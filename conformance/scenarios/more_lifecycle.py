"""The life of programs from other angles: priorities across groups, signals of many names, reloads with changed files, retries."""
import re
import signal

from rig import scenario


@scenario("more_lifecycle")
def priorities_across_and_within_groups(t):
    t.conf("".join(f"[program:{name}]\ncommand=/bin/cat\nstartsecs=0\npriority={priority}\n" for name, priority in
                   (("a", 30), ("b", 10), ("c", 20), ("d", 5), ("e", 999), ("f", 1), ("h", -4))) + "[group:late]\nprograms=a,b\npriority=100\n[group:early]\nprograms=f,e\npriority=2\n")
    t.start()
    for name in ("late:a", "late:b", "early:e", "early:f", "c", "d", "h"):
        t.wait_state(name, "RUNNING")
    t.log_lines("spawned")
    t.signal(signal.SIGTERM)
    t.record("exit", t.wait_exit())
    groups = [re.sub(r"^.* (?:stopped|waiting for): ?(\w+).*$", r"\1", line) for line in t.read("main.log").splitlines() if "stopped:" in line]
    t.record("stopped", [sorted(groups[:2]), groups[2:4], sorted(groups[4:6]), groups[6:]])


@scenario("more_lifecycle")
def every_stop_signal_by_name_and_number(t):
    t.script("say", """#!/usr/bin/python3 -S
import os, signal, sys, time
def note(number, frame):
    os.write(1, b"%d\\n" % number)
    os._exit(number)
for number in (1, 2, 3, 10, 12, 15):
    signal.signal(number, note)
os.write(1, b"ready\\n")
time.sleep(100)
""")
    names = ("HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "KILL", "SIGHUP", "2", "sigusr1", "9")
    t.conf("".join(f"[program:p{number}]\ncommand={{dir}}/say\nstartsecs=0\nstopsignal={name}\nstopwaitsecs=5\n" for number, name in enumerate(names)))
    t.start()
    for number, name in enumerate(names):
        t.until(lambda number=number: "ready" in t.call("supervisor.readProcessStdoutLog", f"p{number}", 0, 0), "it is ready")
        t.call("supervisor.stopProcess", f"p{number}")
        t.record(name, [t.call("supervisor.readProcessStdoutLog", f"p{number}", 0, 0), t.call("supervisor.getProcessInfo", f"p{number}")["exitstatus"]])
    t.log_lines("stopped")


@scenario("more_lifecycle")
def early_ends_of_every_kind(t):
    t.conf("".join(f"[program:{name}]\ncommand=/bin/sh -c \"{command}\"\nstartsecs=5\nstartretries={retries}\nexitcodes=0,3\n" for name, command, retries in
                   (("zero", "exit 0", 0), ("three", "exit 3", 0), ("four", "exit 4", 1), ("killed", "kill -9 $$", 0), ("term", "kill -15 $$", 0), ("segv", "kill -SEGV $$", 0), ("big", "exit 300", 0))))
    t.start()
    for name in ("zero", "three", "four", "killed", "term", "segv", "big"):
        t.wait_state(name, "FATAL")
        t.rpc("supervisor.getProcessInfo", name, only=("statename", "exitstatus", "spawnerr", "description", "pid"))
        t.log_lines(f": {name} |: '{name}'")
    t.ctl("status")


@scenario("more_lifecycle")
def expected_and_unexpected_ends(t):
    t.conf("".join(f"[program:{name}]\ncommand=/bin/sh -c \"{command}\"\nstartsecs=0\nautorestart=false\nexitcodes={codes}\n" for name, command, codes in
                   (("zero", "sleep 0.3; exit 0", "0"), ("listed", "sleep 0.3; exit 3", "0,3"), ("unlisted", "sleep 0.3; exit 0", "3"), ("killed", "sleep 0.3; kill -9 $$", "0"), ("core", "sleep 0.3; kill -ABRT $$", "0"), ("big", "sleep 0.3; exit 255", "255"))))
    t.start()
    for name in ("zero", "listed", "unlisted", "killed", "core", "big"):
        t.wait_state(name, "EXITED")
        t.rpc("supervisor.getProcessInfo", name, only=("statename", "exitstatus", "spawnerr", "pid"))
        t.log_lines(f"exited: {name} ")


@scenario("more_lifecycle")
def a_reload_with_another_file(t):
    t.conf("[program:old]\ncommand=/bin/cat\nstartsecs=0\n[program:kept]\ncommand=/bin/cat\nstartsecs=0\n[group:g]\nprograms=kept\n")
    t.start()
    t.wait_state("old", "RUNNING")
    t.conf("[program:new]\ncommand=/bin/cat\nstartsecs=0\n[program:kept]\ncommand=/bin/cat\nstartsecs=0\n[program:idle]\ncommand=/bin/cat\nautostart=false\n[group:h]\nprograms=kept\npriority=1\n")
    t.signal(signal.SIGHUP)
    t.until(lambda: t.call("supervisor.getProcessInfo", "new")["statename"] == "RUNNING", "it is back")
    t.wait_state("h:kept", "RUNNING")
    t.ctl("status")
    t.ctl("avail")
    t.log_lines("SIGHUP", "stopped", "waiting", "supervisord started")
    t.signal(signal.SIGQUIT)
    t.record("exit", t.wait_exit())
    t.log_lines("SIGQUIT")


@scenario("more_lifecycle")
def a_restart_by_rpc_and_by_ctl(t):
    t.conf("[program:x]\ncommand=/bin/cat\nstartsecs=0\n[program:off]\ncommand=/bin/cat\nstartsecs=0\n")
    t.start()
    t.wait_state("off", "RUNNING")
    t.call("supervisor.stopProcess", "off")
    t.rpc("supervisor.restart")
    t.until(lambda: t.read("main.log").count("supervisord started") == 2, "it has restarted")
    t.wait_state("off", "RUNNING")
    t.ctl("status")
    t.ctl("reload")
    t.until(lambda: t.read("main.log").count("supervisord started") == 3, "it has restarted")
    t.wait_state("off", "RUNNING")
    t.ctl("shutdown")
    t.record("exit", t.wait_exit())
    t.ctl("status")
    t.ctl("shutdown")


@scenario("more_lifecycle")
def what_starts_together_is_spawned_before_the_first_is_running(t):
    quick = "startsecs=0\nstopwaitsecs=2\ncommand=/bin/cat\n"
    many = f"[program:many]\nnumprocs=3\nprocess_name=%(program_name)s_%(process_num)d\n{quick}"
    t.conf(f"[program:late]\npriority=5\n{quick}[program:early]\npriority=1\n{quick}{many}[program:off]\nautostart=false\n{quick}")
    t.start()
    t.until(lambda: t.read("main.log").count("success") == 5, "all are running")
    t.log_lines("spawned|success")
    t.write("supervisord.conf", t.read("supervisord.conf").replace("[program:many]", "[program:more]"))
    t.ctl("update")
    t.wait_state("more:more_2", "RUNNING")
    t.log_lines("(spawned|success).*more")
    t.ctl("start", "off")
    t.ctl("restart", "more:*", unordered=True)
    t.wait_state("more:more_2", "RUNNING")
    t.log_lines("(spawned|success).*(off|late)")


@scenario("more_lifecycle")
def what_cannot_be_started_is_given_up_after_the_others_are_spawned(t):
    quick = "startsecs=0\nstopwaitsecs=2\ncommand=/bin/cat\n"
    lost = "startretries=0\ncommand=/nonexistent/program\n"
    t.conf(f"[program:a]\n{quick}[program:b]\n{lost}[program:c]\n{quick}[program:d]\n{lost}stdout_logfile=NONE\n[program:e]\n{quick}")
    t.start()
    t.until(lambda: t.read("main.log").count("success") == 3 and t.read("main.log").count("gave up") == 2, "all have been tried")
    t.log_lines("spawn|success|gave up")
    t.ctl("status")
    t.ctl("start", "b")
