"""supervisorctl from other angles: odd arguments of every action, failures between successes, and the shell's own rules."""
from rig import HEADER, scenario

PROGRAMS = """
[program:a]
command=/bin/cat
startsecs=0
stopwaitsecs=2
autostart=false
[program:b]
command=/bin/cat
startsecs=0
stopwaitsecs=2
autostart=false
[group:g]
programs=a,b
[program:solo]
command=/bin/cat
startsecs=0
stopwaitsecs=2
autostart=false
[program:missing]
command=/nonexistent/program
autostart=false
startretries=0
[program:crash]
command=/bin/sh -c "exit 1"
startsecs=10
autostart=false
startretries=0
"""


def shell(t, label, *lines, end="\n"):
    """Feed lines to the shell: its exit status and everything it prints."""
    status, out, err = t.run("supervisorctl", "-c", t.conf_path, stdin="\n".join(lines) + end)
    t.record(label, {"exit": status, "out": out.splitlines(), "err": err})


@scenario("more_ctl")
def failures_between_successes_decide_the_exit_status(t):
    t.conf(PROGRAMS)
    t.start()
    t.ctl("start", "solo", "missing", "g:a")
    t.ctl("start", "missing", "crash")
    t.ctl("start", "crash", "missing")
    t.ctl("start", "nosuch", "missing", "g:*")
    t.ctl("start", "g:*", "nosuch:*")
    t.ctl("start", "nosuch:*", "solo")
    t.ctl("stop", "nosuch", "solo", "nosuch:*", "g:a")
    t.ctl("stop", "solo", "g:*")
    t.ctl("stop", "missing", "crash")
    t.ctl("restart", "crash", "solo")
    t.ctl("restart", "missing", "nosuch", "g:a")
    t.ctl("restart", "g:", "nosuch:x")
    t.ctl("signal", "CONT", "nosuch", "solo")
    t.ctl("signal", "BOGUS", "solo", "g:*")
    t.ctl("signal", "0", "solo", "g:*", "crash")
    t.ctl("signal", "0", "nosuch:*")
    t.ctl("signal", "0", "all")
    t.ctl("clear", "solo", "nosuch", "g:a")
    t.ctl("pid", "nosuch")
    t.ctl("pid", "crash")
    t.ctl("pid", "g:*")
    t.ctl("status", "nosuch", "crash", "g:*", "nosuch:*", "solo")


@scenario("more_ctl")
def all_among_other_names(t):
    t.conf(PROGRAMS.split("[program:missing]")[0])
    t.start()
    t.ctl("start", "solo", "all", unordered=True)
    t.ctl("start", "all", "all")
    t.ctl("status", "all", "g:a")
    t.ctl("status", "g:a", "all")
    t.ctl("stop", "nosuch", "all", unordered=True)
    t.ctl("restart", "nosuch", "all", unordered=True)
    t.ctl("restart", "all", "solo", unordered=True)
    t.ctl("clear", "all", "nosuch")
    t.ctl("clear", "nosuch", "all")
    t.ctl("pid", "all", "solo", record=False)
    t.ctl("signal", "0", "solo", "all")
    t.ctl("add", "all")
    t.ctl("remove", "all")
    t.ctl("update", "all")
    t.ctl("update", "nosuch")
    t.ctl("update", "g", "nosuch")
    t.ctl("avail", "all")
    t.ctl("ALL")
    t.ctl("start", "ALL")
    t.ctl("start", "*")
    t.ctl("start", ":")
    t.ctl("start", ":*")
    t.ctl("start", "*:*")
    t.ctl("start", "g:*:x")
    t.ctl("start", "g:a:b")
    t.ctl("start", "")
    t.ctl("status", "")
    t.ctl("start", "solo ")
    t.ctl("start", "g:* solo")


@scenario("more_ctl")
def every_action_takes_only_its_arguments(t):
    t.conf(PROGRAMS)
    t.start()
    for words in ("add", "remove", "avail x", "reread x", "reread all", "version x", "pid x y", "fg", "fg solo g:a", "fg g:*", "fg all",
                  "fg nosuch", "fg solo", "fg crash", "tail", "tail a b c d", "tail -f", "tail -x solo", "tail solo stdoutx", "tail solo stderr",
                  "tail -10 solo stdout", "tail -f -10 solo", "tail -10", "tail -", "tail -1x solo", "tail nosuch", "tail g:*", "tail g:a",
                  "tail all", "maintail x", "maintail -x", "maintail -5x", "maintail a b", "clear", "clear solo", "signal", "signal HUP",
                  "signal solo HUP", "open", "open http", "open nowhere:1 x", "quit x", "exit x", "help x", "help start stop", "bogus", "bogus x",
                  "start -x", "update -x", "reload x", "shutdown x", "shutdown all", "help nosuch", "stop -x", "Status", "status -x"):
        t.ctl(*words.split(" "))
        if words in ("reload x", "shutdown x"):
            t.rpc("supervisor.getState", record=False)


@scenario("more_ctl")
def the_shell_skips_blanks_and_knows_no_comments(t):
    t.conf(PROGRAMS)
    t.start()
    shell(t, "blank lines", "", "   ", "\t", "version", "  version  ", "version\t", "\tpid nosuch")
    shell(t, "comments", "# a comment", "; another", "version # x", "version ; version", "#", "!ls", "! ls", "@x", "shell", "?", "??", "! ")
    shell(t, "no line end", "version", end="")
    shell(t, "nothing at all", end="")
    shell(t, "after the end", "version", "exit", "version")
    shell(t, "quit", "quit now", "version")
    shell(t, "EOF", "EOF", "version")
    shell(t, "quotes", "status 'solo'", 'status "solo"', "status solo\\ ", "start 'g:a' 'g:b'", "status  solo    g:a")
    shell(t, "unknown", "bogus", "Status", "STATUS", "status;", "start,solo", "stat", "_", "-", "status-x", "status=x", "x y z", "help", "1", "ünï", "status:solo",
          "status\xa0solo")


@scenario("more_ctl")
def the_shell_does_what_the_command_line_does(t):
    t.conf(PROGRAMS)
    t.start()
    shell(t, "some work", "start solo g:a", "status", "stop nosuch", "status nosuch", "restart solo", "start missing crash", "start", "stop", "restart",
          "signal", "signal 0 solo", "clear solo", "clear", "pid nosuch", "tail nosuch", "tail solo", "tail crash stderr", "add", "add solo", "add nosuch",
          "remove", "remove solo", "remove nosuch", "stop solo", "remove solo", "add solo", "avail", "reread", "update", "update nosuch", "fg nosuch",
          "maintail -x", "open", "open x", "version x", "stop all", "remove g missing", "status")


@scenario("more_ctl")
def arguments_that_look_like_options(t):
    t.conf(PROGRAMS)
    t.start()
    for arguments in (["-c", t.conf_path, "--", "version"], ["-c", t.conf_path, "version", "-h"], ["--configuration", t.conf_path, "version"],
                      [f"--configuration={t.conf_path}", "version"], [f"-c{t.conf_path}", "version"], ["-s", f"unix://{t.dir}/s.sock", "version"],
                      ["-s", f"unix://{t.dir}/none.sock", "version"], ["-s", "http://127.0.0.1:1", "version"], 
                      ["-s", "", "version"], ["-s", "/x", "version"], ["-s", "http://", "version"], ["-s"], ["-u"], ["-x", "version"], ["--bogus"],
                      ["--serverurl", f"unix://{t.dir}/s.sock", "version"], ["--server", f"unix://{t.dir}/s.sock", "version"], ["--user=x", "--password=y", "-c", t.conf_path, "version"],
                      ["-c", "/nonexistent.conf", "version"], ["-c", t.dir, "version"], ["-v"], ["-u", "x", "-p", "y", "-c", t.conf_path, "version"]):
        status, out, err = t.run("supervisorctl", *arguments)
        t.record(" ".join(arguments), {"exit": status, "out": out, "err": (err.strip().splitlines() or [""])[-1]})


@scenario("more_ctl")
def odd_supervisorctl_sections(t):
    for lines in ("serverurl=unix://{dir}/s.sock\nprompt=a b\n", "serverurl = unix://%(here)s/s.sock\n", "serverurl=unix://{dir}/s.sock\nhistory_file=%(here)s/h\n",
                  "serverurl=http://127.0.0.1\n", "prompt=x\n", "serverurl=unix://{dir}/s.sock\nunknown=1\n",
                  "serverurl=unix://{dir}/s.sock\nprompt=%(nothing)s\n", "serverurl=unix://{dir}/s.sock\nprompt=%(ENV_PROMPT)s\n",
                  "serverurl=unix://{dir}/s.sock ; the socket\nprompt=p ; x\n", "serverurl=unix://{dir}/s.sock\nprompt=\n", "SERVERURL=unix://{dir}/s.sock\nPrompt=up\n",
                  "serverurl=unix://{dir}/s.sock\nusername=\npassword=\n", "serverurl=unix://{dir}/./s.sock\n"):
        t.write("ctl.conf", f"[supervisorctl]\n{lines}")
        if t.daemon is None:
            t.conf("")
            t.start()
        status, out, err = t.run("supervisorctl", "-c", t.path("ctl.conf"), stdin="version\n", env={"PROMPT": "env"})
        t.record(lines, {"exit": status, "out": out, "err": err.strip().splitlines()[-1:]})
    for text in ("", "[supervisord]\n"):
        t.write("ctl.conf", text)
        status, out, err = t.run("supervisorctl", "-c", t.path("ctl.conf"), "version")
        t.record(text, {"exit": status, "out": out, "err": bool(err)})


@scenario("more_ctl")
def add_remove_and_update_in_odd_orders(t):
    t.conf(PROGRAMS)
    t.start()
    t.ctl("add", "g", "nosuch", "solo")
    t.ctl("remove", "nosuch", "missing", "g")
    t.ctl("remove", "g")
    t.ctl("status")
    t.ctl("avail")
    t.ctl("add", "g", "missing")
    t.ctl("add", "g:*")
    t.ctl("add", "a")
    t.ctl("start", "solo", record=False)
    t.ctl("remove", "solo", "crash")
    t.ctl("reread")
    t.ctl("update", "crash")
    t.ctl("update")
    t.write("supervisord.conf", t.read("supervisord.conf").replace("[group:g]\nprograms=a,b", "[group:h]\nprograms=a,b"))
    t.ctl("update", "g")
    t.ctl("status")
    t.ctl("reread")
    t.ctl("update", "h")
    t.ctl("update", "g", "h")
    t.ctl("status")
    t.write("supervisord.conf", t.read("supervisord.conf").replace("[group:h]\nprograms=a,b", ""))
    t.ctl("reread")
    t.ctl("update", "a", "h")
    t.ctl("update", "b")
    t.ctl("avail")
    t.write("supervisord.conf", t.read("supervisord.conf").replace("[program:a]\n", "[program:a]\nautorestart=maybe\n"))
    t.ctl("reread")
    t.ctl("avail")
    t.ctl("add", "a")
    t.ctl("status", "a")


@scenario("more_ctl")
def a_daemon_without_the_interface_of_supervisor(t):
    t.conf(PROGRAMS, header=HEADER.replace("[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface", ""))
    t.start(ready=False)
    t.until(lambda: t.call("system.listMethods"), "it answers")
    t.rpc("system.listMethods")
    for words in ("status", "start solo", "stop all", "restart solo", "pid", "pid solo", "version", "clear all", "signal 0 solo", "maintail", "tail solo", "help"):
        t.ctl(*words.split(" "))
