"""A supervisord on a copy of an example, and what a test asks of it: every wait is for a condition, with a bound."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PATIENCE = 60


def free_port():
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(what, condition, patience=PATIENCE):
    """Wait for a condition; its first true value."""
    limit = time.monotonic() + patience
    last = None
    while time.monotonic() < limit:
        try:
            value = condition()
            if value:
                return value
        except OSError as why:
            last = why
        time.sleep(0.05)
    raise AssertionError(f"in vain for {patience} s: {what}" + (f" ({last})" if last else ""))


def descendants(pid):
    """The process ids below this one, deepest last."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry))
            except OSError:
                continue
    found, queue = [], [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def alive(pid):
    """True if the process runs (a zombie has ended)."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Supervised:
    """One example under one supervisord."""

    def __init__(self, programs, examples, venv):
        self.programs, self.examples, self.venv = os.path.abspath(programs), examples, venv
        self.folder = tempfile.mkdtemp(prefix="real-services-")
        os.chmod(self.folder, 0o755)
        self.home = None
        self.daemon = None
        self.seen = set()

    def start(self, example, ports=()):
        """Copy the example with free ports in the place of its own, and start supervisord on it; the new ports."""
        self.home = os.path.join(self.folder, example)
        shutil.copytree(os.path.join(self.examples, example), self.home, ignore=shutil.ignore_patterns("venv", "*.log", "*.sock"))
        if os.path.exists(os.path.join(self.home, "requirements.txt")):
            os.symlink(self.venv, os.path.join(self.home, "venv"))
        new = {old: free_port() for old in ports}
        for name in os.listdir(self.home):
            if name.endswith((".conf", ".py")):
                text = self.read(name)
                for old, port in new.items():
                    text = re.sub(rf"\b{old}\b", str(port), text)
                self.write(name, text)
        self.output = open(os.path.join(self.folder, "supervisord.out"), "w+")
        self.daemon = subprocess.Popen(
            [os.path.join(self.programs, "supervisord"), "-n", "-c", os.path.join(self.home, "supervisord.conf")],
            cwd=self.home, stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT)
        until("supervisorctl reaches supervisord", lambda: self.ctl("pid").strip() == str(self.daemon.pid))
        return [new[old] for old in ports]

    def ctl(self, *words):
        """What supervisorctl prints."""
        command = [os.path.join(self.programs, "supervisorctl"), "-c", os.path.join(self.home, "supervisord.conf"), *words]
        done = subprocess.run(command, cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=120)
        return done.stdout.decode()

    def states(self):
        """Name and state of every program."""
        rows = [line.split() for line in self.ctl("status").splitlines()]
        return {row[0]: row[1] for row in rows if len(row) > 1}

    def running(self, *names):
        """Wait until these are RUNNING."""
        def all_run():
            states = self.states()
            return all(states.get(name) == "RUNNING" for name in names)
        until(f"{', '.join(names)} RUNNING", all_run)
        self.seen.update(descendants(self.daemon.pid))

    def pid(self, name):
        """The process id of a program that runs."""
        return int(self.ctl("pid", name))

    def killed_and_back(self, name):
        """Kill the program's process; another one takes its place."""
        self.seen.update(descendants(self.daemon.pid))
        old = self.pid(name)
        os.kill(old, signal.SIGKILL)
        until(f"another process of {name}", lambda: self.states().get(name) == "RUNNING" and self.pid(name) != old)
        self.seen.update(descendants(self.daemon.pid))

    def read(self, name):
        with open(os.path.join(self.home, name), errors="replace") as source:
            return source.read()

    def write(self, name, text):
        with open(os.path.join(self.home, name), "w") as out:
            out.write(text)

    def logged(self, name, text):
        """Wait until the log holds this text."""
        until(f"{text!r} in {name}", lambda: text in self.read(name))

    def stop(self, name):
        """Stop a program or a group; nothing of it may be left."""
        before = set(descendants(self.daemon.pid))
        self.seen |= before
        said = self.ctl("stop", name)
        assert "ERROR" not in said and "stopped" in said, said
        return before

    def end(self):
        """Ask supervisord to end: it does with status 0, and no process that it had is left."""
        self.seen.update(descendants(self.daemon.pid))
        self.daemon.terminate()
        status = self.daemon.wait(PATIENCE)
        assert status == 0, f"supervisord ended with {status}"
        until("no process left behind", lambda: not self.leftovers(), 15)

    def leftovers(self):
        return [pid for pid in self.seen if pid != self.daemon.pid and alive(pid)]

    def tell(self):
        """Print what helps to see why a test failed."""
        for path in [os.path.join(self.folder, "supervisord.out")] + \
                [os.path.join(self.home or self.folder, name) for name in sorted(os.listdir(self.home or self.folder)) if name.endswith(".log")]:
            if os.path.exists(path):
                with open(path, errors="replace") as source:
                    print(f"--- {os.path.basename(path)}\n" + source.read()[-3000:])

    def clean(self, keep):
        """End what is left, by its id, and remove the scratch folder."""
        if self.daemon and self.daemon.poll() is None:
            self.seen.update(descendants(self.daemon.pid))
            self.daemon.kill()
            self.daemon.wait()
        for pid in self.leftovers() if self.daemon else ():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if keep:
            print(f"kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
