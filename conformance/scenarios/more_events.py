"""Events from other angles: groups of events, odd answers, both channels at once, tokens that are cut or nested."""
import json

from listening import heard, listener, told, wait_heard
from rig import SUPERVISORD, scenario

CAT = """
[program:cat]
command=/bin/cat
startsecs=0
autostart=false
"""


def remote(t, *texts):
    for text in texts:
        t.call("supervisor.sendRemoteCommEvent", "note", text)


@scenario("more_events")
def each_pool_hears_what_it_asks_for(t):
    names = {"e1": "PROCESS_STATE_RUNNING", "e2": "process_state_stopping, Process_State_Stopped", "e3": "PROCESS_GROUP", "e4": "PROCESS_LOG_STDERR", "e5": "PROCESS_COMMUNICATION",
             "e6": "REMOTE_COMMUNICATION,PROCESS_STATE_STARTING,REMOTE_COMMUNICATION", "e7": "SUPERVISOR_STATE_CHANGE"}
    t.conf("".join(listener(t, events, name) for name, events in names.items()) + """
[program:cat]
command=/bin/sh -c "echo out; echo err >&2; exec cat"
startsecs=0
autostart=false
stdout_events_enabled=true
stderr_events_enabled=true
""")
    t.start()
    for name in names:
        t.wait_state(name, "RUNNING")
    t.call("supervisor.startProcess", "cat")
    wait_heard(t, "err", name="e4")
    t.call("supervisor.stopProcess", "cat")
    remote(t, "x")
    t.call("supervisor.removeProcessGroup", "cat")
    t.call("supervisor.addProcessGroup", "cat")
    wait_heard(t, "groupname:cat", 2, name="e3")
    wait_heard(t, "x", name="e6")
    wait_heard(t, "STOPPED", name="e2")
    for name in names:
        t.record(name, told([entry for entry in heard(t, name) if "processname:e" not in entry["body"] and "groupname:e" not in entry["body"]]))


@scenario("more_events")
def odd_answers_of_a_listener(t):
    for number, raw in enumerate((["RESULT 2\nOKREADY\n"], ["RESULT 2\nOK", "READY\n"], ["RESULT 2\n", "OKREADY\n"], ["RESULT 4\nFAILREADY\n"], ["RESULT 0\nREADY\n"], ["RESULT 02\nOKREADY\n"], ["RESULT x\nREADY\n"], ["RESULT -1\nREADY\n"],
                                  ["result 2\nOKREADY\n"], ["RESULT  2\nOKREADY\n"], ["RESULT 2 \nOKREADY\n"], ["RESULT 2\r\nOKREADY\n"], ["RESULT\nREADY\n"], ["READY\n"], ["RESULT 2\nokREADY\n"], ["RESULT 2\nOKREADY \n"], ["RESULT 2\nOK READY\n"], ["\nRESULT 2\nOKREADY\n"], ["RES", "ULT 2\nOK", "REA", "DY\n"])):
        name = f"l{number}"
        text = listener(t, "REMOTE_COMMUNICATION", name, answers=[{"raw": raw}], extra=f"startsecs=0\npriority={number + 1}\n")
        t.write(f"{name}.conf", text)
    t.conf("".join(t.read(f"l{number}.conf") for number in range(19)))
    t.start()
    for number in range(19):
        t.wait_state(f"l{number}", "RUNNING")
    remote(t, "one", "two")
    t.until(lambda: len(heard(t, "l18")) >= 2, "the last is heard")
    t.call("supervisor.getState")
    t.until(lambda: all(len(heard(t, f"l{number}")) >= (2 if number in (0, 1, 2, 3, 4, 5, 14, 18) else 1) for number in range(19)), "all is heard", 6)
    for number in range(19):
        t.record(f"l{number}", [entry["body"].split("\n")[-1] for entry in heard(t, f"l{number}")][:4])


@scenario("more_events")
def tokens_in_pieces_and_in_both_channels(t):
    t.script("say", """#!/usr/bin/python3 -S
import os, sys, time
B, E = b"<!--XSUPERVISOR:BEGIN-->", b"<!--XSUPERVISOR:END-->"
def out(*parts):
    for part in parts:
        os.write(1, part)
        time.sleep(0.15)
out(b"a" + B + b"one" + E + b"b")
out(B[:5], B[5:] + b"tw", b"o" + E[:9], E[9:] + b"c")
out(B + b"in" + B + b"ner" + E + b"d" + E)
out(E + b"e")
out(B + E + b"f")
out(B + b"x" * 30 + E + b"g")
os.write(2, b"h" + B + b"err\\nlines\\n" + E + b"i" * 40)
out(B + b"three" + E + B + b"four" + E)
out(B.lower() + b"z" + E.lower())
out(b"j" * 60 + b"\\n")
time.sleep(100)
""")
    t.conf(listener(t, "PROCESS_COMMUNICATION") + """
[program:talk]
command={dir}/say
startsecs=0
autostart=false
stdout_capture_maxbytes=1KB
stderr_capture_maxbytes=1KB
[program:deaf]
command={dir}/say
startsecs=0
autostart=false
""")
    t.start()
    t.wait_state("ear", "RUNNING")
    for name in ("talk", "deaf"):
        t.call("supervisor.startProcess", name)
        t.until(lambda name=name: "jjj\n" in t.call("supervisor.readProcessStdoutLog", name, 0, 0), f"{name} has talked")
        t.record(f"{name} stdout", t.call("supervisor.readProcessStdoutLog", name, 0, 0))
        t.record(f"{name} stderr", t.call("supervisor.readProcessStderrLog", name, 0, 0))
    for channel in ("STDOUT", "STDERR"):
        t.record(channel, told([entry for entry in heard(t) if channel in entry["fields"]["eventname"]]))


@scenario("more_events")
def overflow_of_small_buffers(t):
    t.mask(r"<[^<>]* at 0x[0-9a-f]+>", "<EVENT>")
    t.mask(r"event \d+", "event <N>")
    t.conf(listener(t, "REMOTE_COMMUNICATION", answers=[{"until": "go"}], extra="startsecs=0\nbuffer_size=2\n") + listener(t, "REMOTE_COMMUNICATION", "other", extra="startsecs=0\nbuffer_size=10\n"))
    t.start()
    t.wait_state("ear", "RUNNING")
    t.wait_state("other", "RUNNING")
    remote(t, "a")
    wait_heard(t, "a")
    remote(t, "b", "c", "d", "e")
    t.write("go", "")
    wait_heard(t, "e")
    remote(t, "f")
    wait_heard(t, "\nf")
    t.record("heard", [[entry["body"].split("\n")[-1], entry["fields"]["poolserial"], entry["fields"]["serial"]] for entry in heard(t)])
    t.log_lines("overflow", "buffer", "discard")


@scenario("more_events")
def remote_events_with_odd_texts(t):
    t.conf(listener(t, "REMOTE_COMMUNICATION"))
    t.start()
    t.wait_state("ear", "RUNNING")
    for kind, text in (("a", "b"), ("", ""), ("with blanks", " x "), ("colon:x", "k:v\n"), ("ünï", "ä€😀"), ("line\nfeed", "x\ny"), ("t", "\t<&>\"'"), ("n", "x" * 3000)):
        t.rpc("supervisor.sendRemoteCommEvent", kind, text)
    wait_heard(t, "type:n")
    for entry in heard(t):
        t.record("heard", [entry["fields"]["len"], entry["body"][:100], entry["fields"]["eventname"]])
    for arguments in (("x",), (1, "x"), ("x", 1)):
        t.rpc("supervisor.sendRemoteCommEvent", *arguments, record=False)


@scenario("more_events")
def states_on_the_way_to_fatal_and_back(t):
    t.conf(listener(t, "PROCESS_STATE") + """
[program:dies]
command=/bin/sh -c "sleep 0.2; exit 4"
startsecs=5
startretries=1
autostart=false
[program:missing]
command=/nonexistent
startretries=1
autostart=false
[program:killed]
command=/bin/cat
startsecs=0
autostart=false
[program:long]
command=/bin/cat
startsecs=100
autostart=false
[group:g]
programs=killed,long
""")
    t.start()
    t.wait_state("ear", "RUNNING")
    t.call("supervisor.startProcess", "dies", False)
    t.wait_state("dies", "FATAL")
    t.call("supervisor.startProcess", "g:killed")
    t.call("supervisor.signalProcess", "g:killed", "KILL")
    wait_heard(t, "RUNNING processname:killed", 2)
    t.call("supervisor.startProcess", "g:long", False)
    t.wait_state("g:long", "STARTING")
    t.call("supervisor.stopProcess", "g:long")
    t.call("supervisor.stopProcess", "g:killed")
    wait_heard(t, "STOPPED processname:killed")
    wait_heard(t, "FATAL")
    t.record("events", told([entry for entry in heard(t) if "processname:ear" not in entry["body"]]))
    t.record("order of serials", [int(entry["fields"]["serial"]) for entry in heard(t)] == sorted(int(entry["fields"]["serial"]) for entry in heard(t)))


@scenario("more_events")
def a_listener_changed_by_an_update(t):
    t.conf(listener(t, "PROCESS_GROUP,REMOTE_COMMUNICATION") + CAT)
    t.start()
    t.wait_state("ear", "RUNNING")
    remote(t, "one")
    wait_heard(t, "one")
    t.write("supervisord.conf", t.read("supervisord.conf").replace("PROCESS_GROUP,REMOTE_COMMUNICATION", "REMOTE_COMMUNICATION") + "[program:new]\ncommand=/bin/cat\nautostart=false\n")
    t.ctl("update")
    t.wait_state("ear", "RUNNING")
    remote(t, "two")
    wait_heard(t, "two")
    t.write("supervisord.conf", t.read("supervisord.conf").replace("[eventlistener:ear]", "[eventlistener:ear]\nprocess_name=ear%(process_num)d\nnumprocs=2"))
    t.ctl("update", "ear")
    t.ctl("status", "cat", "new")
    remote(t, "three")
    wait_heard(t, "three")
    t.record("heard", [[entry["fields"]["eventname"], entry["body"].strip().split("\n")[-1], entry["fields"]["pool"]] for entry in heard(t)])
    t.ctl("stop", "ear:*", unordered=True)
    t.ctl("remove", "ear")
    t.ctl("reread")
    t.record("json", json.dumps(sorted(row["name"] for row in t.call("supervisor.getAllProcessInfo"))))


@scenario("more_events")
def at_level_debug_what_a_listener_says_is_told_once(t):
    t.conf(listener(t, "REMOTE_COMMUNICATION", "ear") + CAT, supervisord=SUPERVISORD.replace("loglevel=info", "loglevel=debug"))
    t.start()
    t.wait_state("ear", "RUNNING")
    t.until(lambda: "ACKNOWLEDGED -> READY" in t.read("main.log"), "the listener is ready")
    remote(t, "x")
    t.until(lambda: t.read("main.log").count("ACKNOWLEDGED -> READY") == 2, "it has answered")
    t.call("supervisor.startProcess", "cat")
    t.call("supervisor.sendProcessStdin", "cat", "words\n")
    t.until(lambda: "words" in t.read("main.log"), "the words are logged")
    lines = t.read("main.log").splitlines()
    t.record("said as text", [line for line in lines if line in ("READY", "RESULT 2", "OK", "OKREADY")])
    t.record("said as bytes", "".join(line[2:-1] for line in lines if line.startswith("b'")))
    t.record("the program's words", [line for line in lines if line == "words"])
    t.log_lines("DEBG (ear: |event )", "DEBG 'cat'")
