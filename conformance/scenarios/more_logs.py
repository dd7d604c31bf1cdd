"""Logs from other angles: limits at their edges, text of many bytes, files that are moved, and names that stand for more."""
import os
import signal

from rig import SUPERVISORD, scenario


def files(t, prefix, folder=""):
    """The files whose names begin so, with their sizes."""
    return {name: os.path.getsize(t.path(folder, name)) for name in sorted(os.listdir(t.path(folder))) if name.startswith(prefix)}


def said(t, name, text):
    t.until(lambda: text in t.read(name), f"{name} holds {text!r}")


@scenario("more_logs")
def rotation_at_the_edge(t):
    t.conf("".join(f"""
[program:{name}]
command=/bin/cat
startsecs=0
stdout_logfile={{dir}}/{name}.log
stdout_logfile_maxbytes={limit}
stdout_logfile_backups={backups}
""" for name, limit, backups in (("ten", 10, 2), ("none", 10, 0), ("one", 1, 1), ("free", 0, 3), ("big", "1KB", 1))))
    t.start()
    for name in ("ten", "none", "one", "free", "big"):
        t.wait_state(name, "RUNNING")
        for number, text in enumerate(("12345678\n", "9", "", "0123456789", "12345\n", "a" * 25 + "\n")):
            if not text:
                continue
            t.call("supervisor.sendProcessStdin", name, text)
            total = sum(len(x) for x in ("12345678\n", "9", "", "0123456789", "12345\n", "a" * 25 + "\n")[:number + 1])
            if name in ("free", "big"):
                t.until(lambda total=total: os.path.getsize(t.path(f"{name}.log")) >= total, "it is written")
            else:
                __import__("time").sleep(0.4)
        t.record(name, files(t, f"{name}.log"))


@scenario("more_logs")
def both_channels_into_one_file(t):
    t.conf("""
[program:merged]
command=/bin/sh -c "echo out; echo err >&2; exec cat"
startsecs=0
redirect_stderr=true
stdout_logfile={dir}/merged.log
stderr_logfile={dir}/never.log
stderr_events_enabled=true
[program:same]
command=/bin/sh -c "echo out; sleep 0.2; echo err >&2; exec cat"
startsecs=0
stdout_logfile={dir}/same.log
stderr_logfile={dir}/same.log
[program:none]
command=/bin/sh -c "echo out; echo err >&2; exec cat"
startsecs=0
redirect_stderr=true
stdout_logfile=NONE
""")
    t.start()
    said(t, "merged.log", "err")
    said(t, "same.log", "err")
    t.record("merged", t.read("merged.log"))
    t.record("same", t.read("same.log"))
    t.record("files", sorted(name for name in os.listdir(t.dir) if name.endswith(".log")))
    t.record("automatic", [name.split("---")[0] for name in sorted(os.listdir(t.path("logs")))])
    for name in ("merged", "none"):
        t.rpc("supervisor.getProcessInfo", name, only=("logfile", "stdout_logfile", "stderr_logfile"))
        t.ctl("tail", name, "stderr")
        t.ctl("tail", name)
        t.ctl("clear", name)


@scenario("more_logs")
def a_tail_cuts_text_of_many_bytes(t):
    t.write("text", "aé€😀\n" * 3)
    t.conf("[program:x]\ncommand=/bin/sh -c \"cat {dir}/text; exec cat\"\nstartsecs=0\n")
    t.start()
    t.until(lambda: t.call("supervisor.readProcessStdoutLog", "x", 0, 0).count("\n") == 3, "it is written")
    for count in (1, 11, 12, 22, 33, 100):
        t.ctl("tail", f"-{count}", "x")
    for offset, length in ((0, 11), (11, 11), (22, 0)):
        t.rpc("supervisor.readProcessStdoutLog", "x", offset, length)
        t.rpc("supervisor.tailProcessStdoutLog", "x", offset, length)


@scenario("more_logs")
def logs_that_are_moved_or_removed(t):
    t.conf("[program:x]\ncommand=/bin/cat\nstartsecs=0\nstdout_logfile={dir}/x.log\n")
    t.start()
    t.wait_state("x", "RUNNING")
    t.call("supervisor.sendProcessStdin", "x", "one\n")
    said(t, "x.log", "one\n")
    os.rename(t.path("x.log"), t.path("x.old"))
    t.call("supervisor.sendProcessStdin", "x", "two\n")
    said(t, "x.old", "two\n")
    t.ctl("tail", "x")
    t.signal(signal.SIGUSR2)
    t.until(lambda: os.path.exists(t.path("x.log")), "it is opened anew")
    t.call("supervisor.sendProcessStdin", "x", "three\n")
    said(t, "x.log", "three\n")
    t.record("files", [t.read("x.log"), t.read("x.old")])
    t.log_lines("reopen", "SIGUSR2")
    t.ctl("stop", "x")
    os.unlink(t.path("x.log"))
    t.ctl("tail", "x")
    t.ctl("clear", "x")
    t.rpc("supervisor.readProcessStdoutLog", "x", 0, 0)
    t.rpc("supervisor.tailProcessStdoutLog", "x", 0, 10)
    t.ctl("start", "x")
    t.record("it is there again", t.read("x.log"))


@scenario("more_logs")
def the_main_log_and_its_readers(t):
    t.conf("")
    t.start()
    t.call("supervisor.clearLog")
    t.rpc("supervisor.readLog", 0, 0, record=False)
    t.write("main.log", "0123456789" * 3)
    for offset, length in ((0, 0), (0, 5), (5, 5), (29, 10), (30, 1), (99, 1), (-5, 0), (-99, 0), (-5, 2), (0, -1)):
        t.rpc("supervisor.readLog", offset, length)
    t.ctl("maintail", "-7")
    t.ctl("maintail")
    os.unlink(t.path("main.log"))
    t.rpc("supervisor.readLog", 0, 0)
    t.rpc("supervisor.clearLog")
    t.ctl("maintail")


@scenario("more_logs")
def automatic_logs_outlive_the_removal_of_a_group(t):
    t.conf("[program:cat]\ncommand=/bin/sh -c \"echo hello; exec cat\"\nstartsecs=0\n[program:merged]\ncommand=/bin/cat\nredirect_stderr=true\nautostart=false\n")
    t.start()

    def hello(times):
        t.until(lambda: t.call("supervisor.readProcessStdoutLog", "cat", 0, 0).count("hello") == times, "it is written")

    def look(label):
        t.record(label, [name.split("---")[0] for name in sorted(os.listdir(t.path("logs")))])
        return t.call("supervisor.getProcessInfo", "cat")["stdout_logfile"]

    hello(1)
    first = look("at the start")
    t.ctl("stop", "cat")
    t.ctl("remove", "cat", "merged")
    t.rpc("supervisor.getAllConfigInfo", only=("name", "inuse", "stdout_logfile", "stderr_logfile"))
    t.ctl("add", "cat", "merged")
    hello(2)
    t.record("the same log after remove and add", look("after remove and add") == first)
    t.ctl("tail", "cat")
    t.ctl("stop", "cat")
    t.ctl("remove", "cat")
    t.ctl("reread")
    t.rpc("supervisor.getAllConfigInfo", only=("name", "inuse", "stdout_logfile", "stderr_logfile"))
    t.ctl("add", "cat")
    hello(1)
    t.record("the same log after a reread", look("after a reread") == first)


@scenario("more_logs")
def the_null_device_is_an_empty_log(t):
    t.conf("[program:quiet]\ncommand=/bin/sh -c \"echo hello; exec cat\"\nstartsecs=0\nstdout_logfile=/dev/null\nstderr_logfile=/dev/null\nstdout_logfile_maxbytes=0\nstderr_logfile_maxbytes=0\n",
           supervisord=SUPERVISORD.replace("{dir}/main.log", "/dev/null") + "logfile_maxbytes=0\n")
    t.start()
    t.wait_state("quiet", "RUNNING")
    for method in ("readProcessStdoutLog", "readProcessStderrLog", "tailProcessStdoutLog", "tailProcessStderrLog"):
        for offset, length in ((0, 0), (0, 10), (5, 5), (-5, 0)):
            t.rpc(f"supervisor.{method}", "quiet", offset, length)
    for offset, length in ((0, 0), (0, 10), (5, 5), (-5, 0)):
        t.rpc("supervisor.readLog", offset, length)
    t.ctl("tail", "quiet")
    t.ctl("tail", "-10", "quiet", "stderr")
    t.ctl("maintail")
    t.record("the page of its end", t.http("GET", "/tail.html?processname=quiet")[0])
    for target in ("/logtail/quiet", "/logtail/quiet/stderr", "/mainlogtail"):
        with t.wire(timeout=1) as wire:
            wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
            t.record(target, [wire.head()[0], wire.chunk()])
    t.rpc("supervisor.getProcessInfo", "quiet", only=("logfile", "stdout_logfile", "stderr_logfile"))
