"""The configuration from other angles: expansions everywhere, includes, environment quoting, groups that change, spellings."""
import json
import os
import signal
import xmlrpc.client

from rig import HEADER, SUPERVISORD, scenario


def info(t, *keys):
    return [{key: row.get(key) for key in keys} for row in t.call("supervisor.getAllConfigInfo")]


def reread(t, label, text, *keys, supervisord=SUPERVISORD, quote=True):
    """Write a configuration and reread it: the fault, or what is then configured."""
    if not t.masks:
        t.mask(r"Available names: [\w, ]+?(?= in section|$)", "Available names: <NAMES>")
    t.conf(text, supervisord=supervisord)
    try:
        t.call("supervisor.reloadConfig")
    except xmlrpc.client.Fault as fault:
        t.record(label, {"fault": fault.faultCode, "string": fault.faultString} if quote else {"fault": fault.faultCode})
        return
    except Exception as why:
        t.record(label, {"error": type(why).__name__})
        return
    t.record(label, info(t, *keys) if keys else "accepted")


@scenario("more_config")
def values_that_a_type_refuses_are_named(t):
    t.conf("")
    t.start()
    for option, values in {
        "startsecs": ("x", "-1", "1.0", "0x1", " 5 ", "1_000", "+3"), "startretries": ("x", "-1", "+3"), "priority": ("x", "1e3", "-0"), "numprocs": ("x", "0", "-1"),
        "stopwaitsecs": ("x", "-1", ""), "autostart": ("x", "y", "True ", "on"), "autorestart": ("x", "Unexpected", "ON"), "stopsignal": ("x", "SIGX", "Term", "sigint", "0", "64", "65"),
        "exitcodes": ("x", "0,x", "300", "0,,1", " 1 , 2 "), "stdout_logfile_maxbytes": ("x", "1TB", "1 MB", "5m", "1mb"), "stdout_logfile_backups": ("x", "-1"),
        "umask": ("9", "0o22", "1777", "77777"), "redirect_stderr": ("x", "1"), "stdout_syslog": ("x", "yes"), "directory": ("/nonexistent", "relative", "~", "%(here)s"),
        "process_name": ("", "a:b", "%(nothing)s", "%(program_name)s%(process_num)03d", "a/b"), "user": ("nobody-here", "-1", ""), "environment": ("A", "A=", "=1", "A=1,", "A=1 B=2", "A=\"x"),
        "command": ("", "\"", "'a", "/bin/cat \"", "%(x)s", "%", "%%", "%d", "%(process_num)s", "~/x"), "killasgroup": ("x",), "stdout_logfile": ("", "/nonexistent/x", "syslog", "%(x)s"),
        "serverurl": ("AUTO", "auto", "x", "http://localhost:1", ""), "stderr_events_enabled": ("x",), "nosuch": ("1", "%(x)s"), "stderr_capture_maxbytes": ("x",), "numprocs_start": ("x", "-3"),
    }.items():
        for value in values:
            keys = {"startsecs": ("startsecs",), "startretries": ("startretries",), "priority": ("process_prio",), "exitcodes": ("exitcodes",), "stopsignal": ("stopsignal",),
                    "stopwaitsecs": ("stopwaitsecs",), "stdout_logfile_maxbytes": ("stdout_logfile_maxbytes",), "process_name": ("name",), "command": ("command",), "directory": ("directory",),
                    "serverurl": ("serverurl",), "stdout_logfile": ("stdout_logfile",), "numprocs": ("name", "group"), "stderr_capture_maxbytes": ("stderr_capture_maxbytes",)}.get(option, ("name",))
            command = "" if option == "command" else "command=/bin/cat\n"
            reread(t, f"{option}={value}", f"[program:x]\n{command}{option}={value}\n", *keys)


@scenario("more_config")
def names_are_expanded_in_every_option(t):
    t.write("sub/probe", "")
    t.conf("")
    t.start()
    for label, text in {
        "all names": "[program:x]\ncommand=/bin/echo %(program_name)s %(group_name)s %(process_num)d %(numprocs)d %(here)s %(host_node_name)s\n",
        "widths": "[program:x]\ncommand=/bin/echo %(process_num)05d|%(process_num)x|%(program_name)10s|%(program_name)-10s|%(process_num)s\n",
        "percent": "[program:x]\ncommand=/bin/echo 100%% %%(here)s\n",
        "an environment name": "[program:x]\ncommand=/bin/echo %(ENV_LANG)s\n",
        "no such environment name": "[program:x]\ncommand=/bin/echo %(ENV_NOSUCH_X)s\n",
        "numbers": "[program:x]\ncommand=/bin/cat\nnumprocs=%(ENV_TWO)s\n",
        "a lower-case name": "[program:x]\ncommand=/bin/echo %(env_LANG)s\n",
        "a bad format": "[program:x]\ncommand=/bin/echo %(program_name)d\n",
        "a lone percent": "[program:x]\ncommand=/bin/date +%Y\n",
        "group name": "[program:x]\ncommand=/bin/echo %(group_name)s\nstdout_logfile={dir}/%(group_name)s-%(program_name)s.log\n[group:g]\nprograms=x\n",
        "in the logfile": "[program:x]\ncommand=/bin/cat\nnumprocs=2\nprocess_name=%(program_name)s-%(process_num)d\nstdout_logfile={dir}/%(process_num)d.log\nstderr_logfile=%(here)s/%(group_name)s.err\n",
        "in the priority": "[program:x]\ncommand=/bin/cat\npriority=%(process_num)d\nnumprocs=2\nprocess_name=p%(process_num)d\n",
        "in booleans": "[program:x]\ncommand=/bin/cat\nautostart=%(ENV_FALSE)s\n",
        "in a group": "[program:x]\ncommand=/bin/cat\n[group:g]\nprograms=%(ENV_X)s\n",
        "in a group's priority": "[program:x]\ncommand=/bin/cat\n[group:g]\nprograms=x\npriority=%(ENV_TWO)s\n",
        "numprocs_start": "[program:x]\ncommand=/bin/echo %(process_num)d %(numprocs)d\nnumprocs=2\nnumprocs_start=7\nprocess_name=%(program_name)s_%(process_num)02d\n",
        "the directory": "[program:x]\ncommand=/bin/cat\ndirectory=%(here)s/sub\n",
        "in the user": "[program:x]\ncommand=/bin/cat\nuser=%(ENV_X)s\n",
        "in the stopsignal": "[program:x]\ncommand=/bin/cat\nstopsignal=%(ENV_X)s\n",
        "in the section name": "[program:%(ENV_X)s]\ncommand=/bin/cat\n",
        "in serverurl": "[program:x]\ncommand=/bin/cat\nserverurl=unix://%(here)s/%(program_name)s.sock\n",
        "in the exit codes": "[program:x]\ncommand=/bin/cat\nexitcodes=%(ENV_TWO)s,%(process_num)d\n",
        "in events": "[eventlistener:x]\ncommand=/bin/cat\nevents=%(ENV_EV)s\n",
        "in buffer_size": "[eventlistener:x]\ncommand=/bin/cat\nevents=TICK_5\nbuffer_size=%(ENV_TWO)s\n",
        "in sockets": "[fcgi-program:x]\ncommand=/bin/cat\nsocket=unix://%(here)s/%(program_name)s-%(group_name)s.sock\n",
    }.items():
        reread(t, label, text, "name", "group", "command", "stdout_logfile", "stderr_logfile", "process_prio", "group_prio", "serverurl", "directory", "exitcodes")


@scenario("more_config")
def the_shape_of_a_file(t):
    t.conf("")
    t.start()
    for label, text in {
        "colons": "[program:x]\ncommand: /bin/cat\nautostart : false\n", "capitals": "[program:x]\nCommand=/bin/cat\nAUTOSTART=false\n", "a blank section": "[]\n", "no name": "[program:]\ncommand=/bin/cat\n",
        "another section": "[other]\nx=%(y)s\n", "an unknown colon section": "[foo:bar]\nx=1\n", "blanks in the header": "[program: x]\ncommand=/bin/cat\n", "blanks around": "[ program:x ]\ncommand=/bin/cat\n",
        "after the header": "[program:x] ; text\ncommand=/bin/cat\n", "text after the header": "[program:x] text\ncommand=/bin/cat\n", "twice the option": "[program:x]\ncommand=/bin/cat\ncommand=/bin/cat -u\n",
        "twice the section": "[program:x]\ncommand=/bin/cat\n[program:x]\ncommand=/bin/cat -u\n", "continued": "[program:x]\ncommand=/bin/cat\n -u\n\t-v\n", "a blank line within": "[program:x]\ncommand=/bin/cat\n\n -u\n",
        "a comment within": "[program:x]\ncommand=/bin/cat\n; no\n -u\n", "an indented comment": "[program:x]\ncommand=/bin/cat\n ; no\n -u\n", "an indented option": "[program:x]\ncommand=/bin/cat\n autostart=false\n",
        "no equals": "[program:x]\ncommand\n", "no key": "[program:x]\n=x\ncommand=/bin/cat\n", "empty": "[program:x]\ncommand=\n", "equals": "[program:x]\ncommand=/bin/cat a=b c:d\n", "hash": "[program:x]\ncommand=/bin/cat #x\n",
        "hash inside": "[program:x]\ncommand=/bin/cat a#x\n", "semicolon": "[program:x]\ncommand=/bin/cat ;x\n", "semicolon inside": "[program:x]\ncommand=/bin/cat a;x\n", "rem": "rem x\n[program:x]\ncommand=/bin/cat\n",
        "an orphan": "autostart=false\n", "the default section": "[DEFAULT]\nautostart=false\n[program:x]\ncommand=/bin/cat\n", "windows line ends": "[program:x]\r\ncommand=/bin/cat\r\nautostart=false\r\n", "tabs": "[program:x]\ncommand\t=\t/bin/cat\t-u\t\n",
        "quotes": "[program:x]\ncommand='/bin/cat' \"-u\"\n", "bytes": "[program:x]\ncommand=/bin/cat é\n", "two colons": "[program:x:y]\ncommand=/bin/cat\n", "a program in two groups": "[program:x]\ncommand=/bin/cat\n[group:g]\nprograms=x\n[group:h]\nprograms=x\n",
        "a group of itself": "[program:x]\ncommand=/bin/cat\n[group:x]\nprograms=x\n", "a group named like another program": "[program:x]\ncommand=/bin/cat\n[program:y]\ncommand=/bin/cat\n[group:x]\nprograms=y\n",
        "an empty group": "[group:g]\nprograms=\n", "no programs": "[group:g]\n", "a listener in a group": "[eventlistener:x]\ncommand=/bin/cat\nevents=TICK_5\n[group:g]\nprograms=x\n", "twice in a group": "[program:x]\ncommand=/bin/cat\n[group:g]\nprograms=x,x\n",
        "a program and a listener": "[program:x]\ncommand=/bin/cat\n[eventlistener:x]\ncommand=/bin/cat\nevents=TICK_5\n",
        "a listener's options": "[eventlistener:x]\ncommand=/bin/cat\nevents=TICK_5\nstdout_capture_maxbytes=1MB\nstdout_events_enabled=true\n", "stderr capture": "[eventlistener:x]\ncommand=/bin/cat\nevents=TICK_5\nstderr_events_enabled=true\n",
        "same process names": "[program:x]\ncommand=/bin/cat\nprocess_name=p\n[program:y]\ncommand=/bin/cat\nprocess_name=p\n[group:g]\nprograms=x,y\n",
    }.items():
        reread(t, label, text, "name", "group", "command", "autostart", quote=label not in ("no equals", "no key", "an orphan", "rem", "text after the header"))


@scenario("more_config")
def the_environment_of_a_child(t):
    t.script("probe", "#!/bin/sh\nenv | sort > \"$1.new\"; mv \"$1.new\" \"$1\"; exec sleep 1000\n")
    lines = {
        "plain": "A=1,B=2", "quoted": "A=\"1,2\",B='3 4'", "blanks": " A = 1 , B = 2 ", "equals": "A=\"x=y\",B=\"--a=b,c\"", "percent": "A=\"50%%\"", "names": "A=%(program_name)s,B=\"%(process_num)d-%(group_name)s\"",
        "paths": "PATH=/usr/bin:/bin,A=/x/y.z", "overrides": "SUPERVISOR_PROCESS_NAME=mine,SUPERVISOR_ENABLED=0,LANG=x", "continued": "A=1,\n  B=2,\n  C=3", "from here": "A=%(ENV_OUTER)s-x,B=%(here)s",
        "quotes": "A=\"it's\",B='say \"x\"'", "empty": "A=\"\",B=''", "symbols": "A=\"a;b#c\",B=\"$HOME\",C=\"`x`\",D=\"\\n\"", "global": "OUTER2=mine", "a comma at the end": "A=1,", "url": "A=\"http://x:1/y?z\",B=a-b_c.d,C=\"d@e+f\"",
    }
    programs = "".join(f"[program:p{number}]\ncommand=/bin/sh {t.dir}/probe {t.dir}/p{number}.env\nstartsecs=0\nenvironment={text}\n" for number, text in enumerate(lines.values()))
    t.conf(programs, supervisord=SUPERVISORD + "environment=FROM_DAEMON=\"yes, it is\",OUTER2=theirs,TWICE=%(ENV_OUTER)s%(here)s\n")
    t.start(env={"OUTER": "outer", "PATH": os.environ["PATH"]})
    shown = ("A=", "B=", "C=", "D=", "SUPERVISOR", "OUTER", "FROM", "TWICE", "LANG")
    for number, label in enumerate(lines):
        if t.until(lambda number=number: os.path.exists(t.path(f"p{number}.env")), f"{label} is there", 5):
            t.record(label, [line for line in t.read(f"p{number}.env").splitlines() if line.startswith(shown)])


@scenario("more_config")
def included_files(t):
    t.write("conf.d/b.conf", "[program:b]\ncommand=/bin/cat %(here)s\nautostart=false\n")
    t.write("conf.d/a.conf", "[program:a]\ncommand=/bin/cat\nautostart=false\n[program:main]\nautorestart=false\n[include]\nfiles=*.nested\n")
    t.write("conf.d/x.nested", "[program:nested]\ncommand=/bin/cat\n")
    t.write("conf.d/.hidden.conf", "[program:hidden]\ncommand=/bin/cat\nautostart=false\n")
    t.write("conf.d/sub/c.ini", "[program:c]\ncommand=/bin/cat\nautostart=false\n[supervisord]\nidentifier=included\n")
    t.write("conf.d/10.x", "[program:ten]\ncommand=/bin/cat\nautostart=false\n")
    t.write("conf.d/9.x", "[program:nine]\ncommand=/bin/cat\nautostart=false\n")
    base = "[program:main]\ncommand=/bin/cat\nautostart=false\n[include]\nfiles="
    t.conf(base + "conf.d/*.conf\n")
    t.start()
    t.rpc("supervisor.getAllConfigInfo", only=("name", "command", "autostart"))
    for pattern in ("conf.d/*.conf conf.d/sub/*.ini", "{dir}/conf.d/?.conf", "conf.d/[ab].conf", "%(here)s/conf.d/b.conf", "conf.d/*/c.ini", "nosuch/*.conf", "conf.d/b.conf\n  conf.d/a.conf", "conf.d/*.x", "conf.d/b.conf,conf.d/a.conf",
                    "\"conf.d/b.conf\"", "conf.d/b.conf ; comment", "conf.d/**/*.ini", "%(ENV_NOSUCH)s/x", "%(host_node_name)s.conf", "conf.d", "conf.d/{a,b}.conf", "~/*.conf", "conf.d/b.conf conf.d/b.conf", "./conf.d/../conf.d/b.conf", ""):
        reread(t, pattern, base + pattern + "\n", "name", "command")
    t.write("conf.d/broken.ini", "[program:broken\ncommand=/bin/cat\n")
    reread(t, "a broken one", base + "conf.d/*.ini\n", "name", quote=False)
    reread(t, "no files", base.replace("files=", "x="), "name")
    t.write("conf.d/deep/d.cfg", "[program:d]\ncommand=/bin/cat %(here)s\nstdout_logfile=%(here)s/d.log\nenvironment=X=\"%(here)s\"\n[program:main]\nstdout_logfile=%(here)s/main.log\n")
    reread(t, "here", base + "conf.d/deep/*.cfg\n", "name", "command", "stdout_logfile")


@scenario("more_config")
def what_a_reread_notices(t):
    base = "[program:x]\ncommand=/bin/cat\nautostart=false\n[program:y]\ncommand=/bin/cat\nautostart=false\n[group:g]\nprograms=y\n[eventlistener:l]\ncommand=/bin/cat\nevents=TICK_3600\nautostart=false\n[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix://{dir}/f.sock\nautostart=false\n"
    t.conf(base)
    t.start()
    for label, old, new in (
            ("nothing", "", ""), ("a default", "[program:x]\n", "[program:x]\nstartsecs=1\n"), ("startsecs", "[program:x]\n", "[program:x]\nstartsecs=2\n"), ("priority", "[program:x]\n", "[program:x]\npriority=1\n"),
            ("the default priority", "[program:x]\n", "[program:x]\npriority=999\n"), ("environment", "[program:x]\n", "[program:x]\nenvironment=A=1\n"), ("an empty environment", "[program:x]\n", "[program:x]\nenvironment=\n"),
            ("numprocs", "[program:y]\n", "[program:y]\nnumprocs=2\nprocess_name=y%(process_num)d\n"), ("group priority", "[group:g]\n", "[group:g]\npriority=3\n"), ("group renamed", "[group:g]", "[group:h]"), ("group gone", "[group:g]\nprograms=y\n", ""),
            ("into the group", "programs=y", "programs=x,y"), ("out of the group", "programs=y", "programs=x"), ("a listener's events", "TICK_3600", "TICK_60"), ("events in another order", "TICK_3600", "TICK_3600,TICK_3600"),
            ("buffer", "[eventlistener:l]\n", "[eventlistener:l]\nbuffer_size=3\n"), ("default buffer", "[eventlistener:l]\n", "[eventlistener:l]\nbuffer_size=10\n"), ("listener priority", "[eventlistener:l]\n", "[eventlistener:l]\npriority=-1\n"), ("listener priority 5", "[eventlistener:l]\n", "[eventlistener:l]\npriority=5\n"),
            ("a socket", "f.sock", "f2.sock"), ("a socket mode", "[fcgi-program:f]\n", "[fcgi-program:f]\nsocket_mode=0777\n"), ("the default mode", "[fcgi-program:f]\n", "[fcgi-program:f]\nsocket_mode=0700\n"), ("a backlog", "[fcgi-program:f]\n", "[fcgi-program:f]\nsocket_backlog=5\n"),
            ("an owner", "[fcgi-program:f]\n", "[fcgi-program:f]\nsocket_owner=root\n"), ("a program to a listener", "[program:x]\n", "[eventlistener:x]\nevents=TICK_5\n"), ("a listener to a program", "[eventlistener:l]", "[program:l]"), ("fcgi to a program", "[fcgi-program:f]", "[program:f]"),
            ("syslog", "[program:x]\n", "[program:x]\nstdout_syslog=true\n"), ("a log", "[program:x]\n", "[program:x]\nstdout_logfile={dir}/x.log\n"), ("no log", "[program:x]\n", "[program:x]\nstdout_logfile=NONE\n"), ("redirect", "[program:x]\n", "[program:x]\nredirect_stderr=true\n"),
            ("exit codes", "[program:x]\n", "[program:x]\nexitcodes=0,1\n"), ("the same exit codes", "[program:x]\n", "[program:x]\nexitcodes=0\n"), ("exit codes in another order", "[program:x]\n", "[program:x]\nexitcodes=0,0\n"), ("a signal", "[program:x]\n", "[program:x]\nstopsignal=15\n"),
            ("stopasgroup", "[program:x]\n", "[program:x]\nstopasgroup=true\n"), ("serverurl", "[program:x]\n", "[program:x]\nserverurl=AUTO\n"), ("directory", "[program:x]\n", "[program:x]\ndirectory=/\n"), ("umask", "[program:x]\n", "[program:x]\numask=022\n"), ("user", "[program:x]\n", "[program:x]\nuser=root\n"),
            ("autorestart", "[program:x]\n", "[program:x]\nautorestart=unexpected\n"), ("command blanks", "command=/bin/cat\nautostart=false\n[program:y]", "command= /bin/cat \nautostart=false\n[program:y]"), ("process_name", "[program:x]\n", "[program:x]\nprocess_name=x\n"), ("another process_name", "[program:x]\n", "[program:x]\nprocess_name=z\n"),
            ("an unknown option", "[program:x]\n", "[program:x]\nnosuch=1\n"), ("two more", "", "[program:n]\ncommand=/bin/cat\n[program:m]\ncommand=/bin/cat\npriority=1\n"), ("maxbytes", "[program:x]\n", "[program:x]\nstdout_logfile_maxbytes=51200KB\n"), ("result handler", "[eventlistener:l]\n", "[eventlistener:l]\nresult_handler=supervisor.dispatchers:default_handler\n"),
            ("all gone", base, "")):
        t.conf(base.replace(old, new, 1) if old else base + new)
        t.record(label, t.rpc("supervisor.reloadConfig", record=False))
    t.ctl("reread")
    t.ctl("avail")


@scenario("more_config")
def the_command_line_of_the_daemon(t):
    t.conf("")
    for arguments in (["-x"], ["--bogus"], ["-c"], ["-c", "/nonexistent"], ["-l"], ["-e", "bogus", "-n"], ["-y", "x"], ["-z", "-1"], ["-a", "x"], ["-u", "nobody-here", "-n"], ["-m", "9"], ["-j"], ["extra"], ["-v"], ["--version"], ["-d", "/nonexistent", "-n"], ["-i", ""], ["--minfds=x"], ["--minprocs", "x"], ["-n", "extra"], ["-n=1"], ["--nodaemon=1"], ["-y"], ["-q", "/nonexistent", "-n"], ["-e", "INFO", "-v"], ["-l", "/nonexistent/x", "-n"], ["-c", t.dir, "-n"]):
        status, out, err = t.run("supervisord", *(arguments if "-c" in arguments else [*arguments, "-c", t.conf_path]), timeout=6)
        t.record(" ".join(arguments), {"exit": status, "out": out if status == 0 else bool(out), "err": err.strip().splitlines()[:1]})


@scenario("more_config")
def what_the_daemon_itself_is_told(t):
    t.conf("")
    t.start()
    for label, lines in {
        "umask": "umask=9", "loglevel": "loglevel=loud", "loglevel warning": "loglevel=WARNING", "loglevel critical": "loglevel=critical", "loglevel blather": "loglevel=BLAT", "logfile_maxbytes": "logfile_maxbytes=x", "backups": "logfile_backups=x", "nodaemon": "nodaemon=maybe", "minfds": "minfds=x", "minprocs": "minprocs=-", "nocleanup": "nocleanup=x", 
        "directory": "directory=/nonexistent", "environment": "environment=A", "environment percent": "environment=A=%(ENV_NOSUCH)s", "strip_ansi": "strip_ansi=x", "silent": "silent=x", "childlogdir": "childlogdir=/nonexistent", "logfile": "logfile=/nonexistent/x", "pidfile": "pidfile=/nonexistent/x", "identifier": "identifier=a b", "identifier empty": "identifier=", "unknown": "nosuch=1", "unknown percent": "nosuch=%(x)s",
        "identifier expanded": "identifier=%(host_node_name)s", "here": "directory=%(here)s", "backups negative": "logfile_backups=-1",
    }.items():
        reread(t, label, "[program:x]\ncommand=/bin/cat\n", "name", supervisord=SUPERVISORD + lines + "\n")
    for label, header in {
        "no unix file": "[unix_http_server]\n", "no port": "[inet_http_server]\n", "a bad port": "[inet_http_server]\nport=x\n", "a port": "[inet_http_server]\nport=127.0.0.1:x\n", "a username": "[inet_http_server]\nport=1\nusername=x\n", "chmod": "[unix_http_server]\nfile={dir}/s.sock\nchmod=9\n", "chown": "[unix_http_server]\nfile={dir}/s.sock\nchown=nobody-here\n",
        "a password only": "[unix_http_server]\nfile={dir}/s.sock\npassword=x\n", "two servers": "[inet_http_server:a]\nport=1\n[inet_http_server:b]\nport=2\n", "rpc": "[rpcinterface:x]\n", "a bad rpc": "[rpcinterface:x]\nsupervisor.rpcinterface_factory=no.such:thing\n", "a bad port number": "[inet_http_server]\nport=99999\n", "a star": "[inet_http_server]\nport=*:9001\n", "ipv6": "[inet_http_server]\nport=[::1]:9001\n",
        "a relative file": "[unix_http_server]\nfile=x.sock\n", "ctl plugin": "[ctlplugin:x]\nsupervisor.ctl_factory=no.such:thing\n",
    }.items():
        t.conf("[program:x]\ncommand=/bin/cat\n", header=header)
        t.record(label, t.rpc("supervisor.reloadConfig", record=False))


@scenario("more_config")
def a_refused_start_begins_with_one_line(t):
    program = "[program:a]\ncommand=/bin/cat\n"

    def refused(label, *arguments, cwd=None):
        status, _, err = t.run("supervisord", *arguments, cwd=cwd)
        lines = [line for line in err.splitlines() if line.startswith("Error: ")]
        t.record(label, {"exit": status, "errors": lines[:1], "help": "For help, use" in err})

    t.conf(program)
    for name in ("nosuch", "./nosuch", "nosuch/deep", "{dir}/nosuch"):
        refused(f"-c {name}", "-n", "-c", name.replace("{dir}", t.dir))
    for lines in ("numprocs=x", "startsecs=", "environment=A", "stdout_logfile=/nonexistent/x"):
        t.conf(program + lines)
        refused(f"a relative file with {lines}", "-n", "-c", "supervisord.conf")
        refused(f"an absolute file with {lines}", "-n", "-c", t.conf_path)
    for text in ("[group:g]\nprograms=a,nosuch", "[group:g]\nprograms=nosuch,a", "[group:g]\nprograms=a,", "[group:g]\nprograms=a a",
                 "[fcgi-program:a]\ncommand=/bin/cat\nsocket=tcp://127.0.0.1:1\n[group:g]\nprograms=a", "[fcgi-program:f]\ncommand=/bin/cat\nsocket=x",
                 "[fcgi-program:f]\ncommand=/bin/cat\nsocket=tcp://127.0.0.1", "[fcgi-program:f]\ncommand=/bin/cat\nsocket=tcp://127.0.0.1:x", "[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix:/x",
                 "[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix://x", "[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix://"):
        t.conf(program + text)
        refused(text, "-n", "-c", t.conf_path)
    for server in ("[unix_http_server]\nfile={dir}/none/s.sock", "[inet_http_server]\nport=192.0.2.1:9001", "[inet_http_server]\nport=256.0.0.1:9001", "[unix_http_server]\nfile=/tmp/" + "x" * 120):
        t.write("supervisord.conf", f"{SUPERVISORD}\n{server}\n")
        refused(server, "-n", "-c", t.conf_path)
    for lines in ("minfds=100000000", "minprocs=100000000"):
        t.conf(program, supervisord=SUPERVISORD + lines + "\n")
        refused(lines, "-n", "-c", t.conf_path)


@scenario("more_config")
def servers_without_a_username_ask_for_no_password(t):
    port = t.free_port()
    for lines in ("username=\npassword=\n", "username=\npassword=x\n", "username=u\npassword=\n"):
        t.conf("", header=HEADER + f"[inet_http_server]\nport=127.0.0.1:{port}\n{lines}")
        t.start()
        for auth in (None, "u:", "u:x", ":"):
            t.record(f"{lines} {auth}", t.http("GET", "/", port=port, auth=auth)[0])
        t.daemon.terminate()
        t.wait_exit()


@scenario("more_config")
def of_groups_of_one_name_the_first_counts(t):
    for text in ("[eventlistener:f]\nevents=TICK_3600\ncommand=/bin/cat\n[program:f]\ncommand=/bin/ls\n", "[program:f]\ncommand=/bin/ls\n[fcgi-program:f]\nsocket=unix://{dir}/f.sock\ncommand=/bin/cat\n",
                 "[program:f]\ncommand=/bin/cat\npriority=9\n[group:f]\nprograms=a\npriority=1\n[program:a]\ncommand=/bin/ls\n"):
        t.conf(text.replace("command", "autostart=false\ncommand"))
        t.start()
        for words in ("status", "avail", "reread", "update", "remove f", "reread", "add f", "avail"):
            t.ctl(*words.split())
        t.daemon.terminate()
        t.wait_exit()


@scenario("more_config")
def a_socket_that_cannot_be_given_away_ends_the_start(t):
    os.chmod(t.dir, 0o777)
    t.conf("[program:a]\ncommand=/bin/cat\n", header=HEADER.replace("[rpcinterface", "chown=root:root\n[rpcinterface"), supervisord=SUPERVISORD + "user=nobody\n")
    t.write("main.log", "")
    os.chmod(t.path("main.log"), 0o666)
    os.chmod(t.path("logs"), 0o777)
    status, out, err = t.run("supervisord", "-n", "-c", t.conf_path)
    t.record("it says who it is", {"exit": status, "error": [line for line in err.splitlines() if line.startswith("Error")]})


@scenario("more_config")
def of_several_errors_the_first_is_told(t):
    fcgi = "[fcgi-program:a]\ncommand=/bin/cat\nsocket=unix:///tmp/f.sock\n"
    group = "[group:g]\nprograms=a\n"
    t.conf("")
    t.start()
    for label, text in {
        "a listener's name": "[eventlistener:a b]\ncommand=/bin/cat\nevents=TICK_5\n", "a listener's name and its events": "[eventlistener:a:b]\ncommand=/bin/cat\n",
        "a listener's name and its command": "[eventlistener:a:b]\nevents=TICK_5\n", "a program's name": "[program:a b]\ncommand=/bin/cat\n", "a member's name": "[program:a b]\ncommand=/bin/cat\n[group:g]\nprograms=a b\n",
        "a FastCGI program's name": fcgi.replace(":a]", ":a b]"), "a group's name": "[program:a]\ncommand=/bin/cat\n[group:g h]\nprograms=a\n",
        "a process and a socket": f"{fcgi}startsecs=x\nsocket_mode=9\n", "a member's process and its socket": f"{group}{fcgi}startsecs=x\nsocket_mode=9\n",
        "a member's socket user": f"{group}{fcgi}umask=9\nsocket_owner=nobody-here\n", "a member's backlog": f"{group}{fcgi}stdout_syslog=x\nsocket_backlog=x\n",
        "two programs": "[program:b]\ncommand=/bin/cat\nstartsecs=x\n[program:a]\ncommand=/bin/cat\numask=9\n", "a program and a group": "[program:b]\ncommand=/bin/cat\nstartsecs=x\n[group:g]\nprograms=b,c\n",
        "a listener and a program": "[eventlistener:l]\ncommand=/bin/cat\nevents=NOSUCH\n[program:b]\ncommand=/bin/cat\nstartsecs=x\n",
    }.items():
        reread(t, label, text, "name", "group")
