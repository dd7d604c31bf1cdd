"""The web page and the log tails from other angles: odd queries, methods and addresses."""
from rig import scenario

PROGRAMS = """
[program:cat]
command=/bin/sh -c "echo hello; exec cat"
startsecs=0
stopwaitsecs=2
[program:idle]
command=/bin/cat
autostart=false
startsecs=0
[program:a]
command=/bin/cat
startsecs=0
[group:g]
programs=a
"""


def shown(t, method, target):
    status, headers, body = t.http(method, target)
    t.record(f"{method} {target}", [status, headers.get("Location"), headers.get("Content-Type")])
    return body


@scenario("more_http")
def actions_with_odd_parameters(t):
    t.conf(PROGRAMS)
    t.start()
    t.wait_state("cat", "RUNNING")
    for query in ("?processname=cat", "?processname=idle&action=start", "?action=stop&processname=idle", "?processname=g%3Aa&action=stop", "?processname=g:a&action=start", "?processname=g:*&action=stop",
                  "?processname=nosuch&action=start", "?action=stop&action=start&processname=idle", "?processname=idle&processname=cat&action=clearlog", "?ACTION=start&PROCESSNAME=idle",
                  "?processname=cat&action=start", "?processname=idle&action=restart", "?processname=idle&action=stop", "?processname=idle&action=stop", "?processname=nosuch&action=stop", "?processname=nosuch&action=restart", "?processname=nosuch&action=clearlog",
                  "?processname=idle&action=clearlog", "?&&", "?=", "?message=x", "?message=", "?processname=c%61t&action=cl%65arlog", "?processname=cat+&action=stop"):
        shown(t, "GET", f"/index.html{query}")
    t.rpc("supervisor.getAllProcessInfo", only=("name", "statename"))


@scenario("more_http")
def tails_with_odd_queries(t):
    t.conf(PROGRAMS)
    t.start()
    t.until(lambda: t.call("supervisor.readProcessStdoutLog", "cat", 0, 0) == "hello\n", "it is written")
    for query in ("", "?processname=cat", "?processname=nosuch", "?processname=cat&limit=3", "?processname=cat&limit=x", "?processname=cat&limit=0", "?processname=g:a", "?processname=", "?limit=3", "?processname=idle", "?processname=g:*", "?processname=cat&limit=100000"):
        body = shown(t, "GET", f"/tail.html{query}")
        t.record(f"shows it: {query}", [b"hello" in body, b"ERROR" in body])
    for target in ("/logtail/nosuch", "/logtail/", "/logtail/cat/bogus", "/logtail/cat/stdout/x", "/logtail/g:*", "/logtail/g:nosuch", "/logtail/nosuch/stderr"):
        status, _, body = t.http("GET", target)
        t.record(target, status)


@scenario("more_http")
def methods_and_addresses(t):
    t.conf(PROGRAMS)
    t.start()
    t.wait_state("cat", "RUNNING")
    for method in ("GET", "HEAD"):
        for target in ("/ok.html", "/index.html", "/", "/nosuch", "/stylesheets/supervisor.css", "/stylesheets/", "/images", "/images/", "/index.html/", "/INDEX.HTML", "/?x", "/tail.html", "/ok.html?x=y", "/./index.html", "/stylesheets/nosuch.css", "/index.htm", "/favicon.ico"):
            if method == "HEAD" and target in ("/ok.html", "/index.html", "/", "/?x", "/tail.html", "/ok.html?x=y"):
                continue  # the reference has no HEAD for its pages
            status, headers, body = t.http(method, target)
            t.record(f"{method} {target}", [status, headers.get("Content-Type"), bool(body)])
    t.record("a long address", t.http("GET", "/" + "x" * 5000)[0])
    t.record("a long query", t.http("GET", "/ok.html?" + "x" * 5000)[0])
