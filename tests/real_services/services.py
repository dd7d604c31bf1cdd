"""What must hold of each service under supervision: one function a service, named as its example."""
import os
import socket
import struct
import urllib.request

from supervised import alive, descendants, until

ALL = {}


def service(function):
    """Register a check under its own name."""
    ALL[function.__name__] = function
    return function


def page(port, path="/"):
    """The text of a page on this machine."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def told(port, line, expected):
    """Send one line to a TCP service; true if the answer begins so."""
    with socket.create_connection(("127.0.0.1", port), 5) as peer:
        peer.sendall(line.encode() + b"\r\n")
        return peer.recv(4096).startswith(expected)


def gone(pids, patience=15):
    """Wait until all these processes have ended."""
    until(f"the end of {pids}", lambda: not any(alive(pid) for pid in pids), patience)


@service
def quickstart(t):
    port, _ = t.start("quickstart", (8000, 9001))
    workers = [f"worker:worker_{number:02d}" for number in range(4)]
    t.running("web", *workers)
    until("the page", lambda: "It runs" in page(port))
    t.killed_and_back("web")
    until("the page again", lambda: "It runs" in page(port))
    t.logged("worker_03.log", "worker 3: job 2 done")
    t.logged("crasher.log", "giving up")
    t.logged("supervisord.log", "WARN exited: crasher (exit status 1; not expected)")
    t.running("crasher")
    t.stop("worker:*")
    assert {t.states()[name] for name in workers} == {"STOPPED"}, t.states()
    assert "started" in t.ctl("start", "worker:*")


@service
def nginx(t):
    (port,) = t.start("nginx", (8080,))
    t.running("nginx")
    until("the page", lambda: page(port) == "first edition\n")
    t.logged("nginx.log", '"GET / HTTP/1.1" 200')
    master, workers = t.pid("nginx"), descendants(t.pid("nginx"))
    t.write("nginx.conf", t.read("nginx.conf").replace("first edition", "second edition"))
    assert t.ctl("signal", "HUP", "nginx") == "nginx: signalled\n"
    until("the new page", lambda: page(port) == "second edition\n")
    gone(workers)
    assert t.pid("nginx") == master, "the master must live on"
    # The workers of a killed master hold its listening socket until they see that it is gone; nginx's retries cover that.
    old = descendants(master)
    t.killed_and_back("nginx")
    for pid in old:
        if alive(pid):
            os.kill(pid, 15)
    until("the page again", lambda: page(port) == "second edition\n")
    below = descendants(t.pid("nginx"))
    t.stop("nginx")
    gone(below)


@service
def redis(t):
    (port,) = t.start("redis", (6390,))
    t.running("redis")
    until("an answer", lambda: told(port, "PING", b"+PONG"))
    t.logged("redis.log", "Ready to accept connections")
    assert told(port, "SET kept yes", b"+OK")
    t.stop("redis")
    t.logged("redis.log", "ready to exit, bye bye")
    assert t.ctl("start", "redis") == "redis: started\n"
    until("the data that was saved", lambda: told(port, "GET kept", b"$3\r\nyes"))
    t.killed_and_back("redis")
    until("an answer again", lambda: told(port, "PING", b"+PONG"))


@service
def gunicorn(t):
    (port,) = t.start("gunicorn", (8081,))
    t.running("gunicorn")
    until("an answer", lambda: page(port).startswith("example "))
    t.logged("gunicorn.log", '"GET / HTTP/1.1" 200')
    worker = int(page(port).split()[1])
    master = t.pid("gunicorn")
    assert worker in descendants(master), "a worker answers"
    t.write("app.py", t.read("app.py").replace("os.environ['APP_NAME']", "'reloaded'"))
    t.ctl("signal", "HUP", "gunicorn")
    until("the new code", lambda: page(port).startswith("reloaded "))
    assert t.pid("gunicorn") == master, "the master must live on"
    # A master that is killed leaves its workers to themselves: they end when they see that it is gone, which an idle one
    # looks for each 15 s (half of gunicorn's --timeout).
    old = descendants(master)
    t.killed_and_back("gunicorn")
    gone(old, 45)
    until("an answer again", lambda: page(port).startswith("reloaded "))
    below = descendants(t.pid("gunicorn"))
    t.stop("gunicorn")
    gone(below)


@service
def uvicorn(t):
    (port,) = t.start("uvicorn", (8082,))
    t.running("uvicorn")
    until("an answer", lambda: page(port) == "hello from uvicorn\n")
    t.killed_and_back("uvicorn")
    until("an answer again", lambda: page(port) == "hello from uvicorn\n")
    t.logged("uvicorn.log", "Uvicorn running on")


@service
def celery(t):
    t.start("celery", (6391,))
    workers = ["celery:worker_00", "celery:worker_01"]
    t.running("broker", "celery:beat", *workers)
    t.logged("beat.log", "Sending due task hello")
    until("a task that was done", lambda: "hello from a task" in t.read("worker_00.log") + t.read("worker_01.log"))
    below = descendants(t.pid(workers[0]))
    t.killed_and_back(workers[0])
    gone(below)
    t.logged("worker_00.log", "ready.")
    t.stop("celery:*")
    assert t.states()["broker"] == "RUNNING" and t.states()["celery:beat"] == "STOPPED", t.states()
    t.logged("worker_01.log", "Warm shutdown")
    t.ctl("start", "celery:*")
    t.running("celery:beat", *workers)


def fastcgi(path, script):
    """Ask a FastCGI server on a unix socket for a script; what it answers."""
    def record(kind, body):
        return struct.pack("!BBHHBB", 1, kind, 1, len(body), 0, 0) + body

    def pair(name, value):
        return bytes([len(name), len(value)]) + name + value

    words = {b"SCRIPT_FILENAME": script.encode(), b"SCRIPT_NAME": script.encode(), b"REQUEST_METHOD": b"GET",
             b"SERVER_PROTOCOL": b"HTTP/1.1", b"REDIRECT_STATUS": b"200"}
    request = record(1, struct.pack("!HB5x", 1, 0)) + record(4, b"".join(pair(*word) for word in words.items()))
    answer = b""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        peer.connect(path)
        peer.sendall(request + record(4, b"") + record(5, b""))
        while data := peer.recv(65536):
            answer += data
    return answer


@service
def php(t):
    t.start("php")
    copies = ["php-cgi:php-cgi_00", "php-cgi:php-cgi_01"]
    t.running("php-fpm", *copies)
    script = os.path.join(t.home, "index.php")
    held, own = os.path.join(t.home, "php-cgi.sock"), os.path.join(t.home, "php-fpm.sock")
    until("php-cgi's answer", lambda: b"hello from cgi-fcgi" in fastcgi(held, script))
    until("php-fpm's answer", lambda: b"hello from fpm-fcgi" in fastcgi(own, script))
    until("php-fpm's ping", lambda: b"pong" in fastcgi(own, "/ping"))
    identity = os.stat(held).st_ino
    t.killed_and_back(copies[0])
    t.killed_and_back(copies[1])
    assert os.stat(held).st_ino == identity, "the socket is held while its programs restart"
    until("php-cgi's answer again", lambda: b"hello from cgi-fcgi" in fastcgi(held, script))
    t.logged("php-fpm.log", "ready to handle connections")
    below = descendants(t.pid("php-fpm"))
    t.stop("php-fpm")
    gone(below)
