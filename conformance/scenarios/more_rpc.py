"""XML-RPC from other angles: odd counts, names and numbers of every method, and requests as clients of many languages write them."""
import time
import xmlrpc.client

from rig import scenario

PROGRAMS = """
[program:a]
command=/bin/cat
startsecs=0
autostart=false
priority=5
[program:b]
command=/bin/cat
startsecs=0
autostart=false
priority=1
[program:solo]
command=/bin/cat
startsecs=0
autostart=false
priority=900
[program:missing]
command=/nonexistent/program
autostart=false
startretries=0
priority=3
[program:crash]
command=/bin/sh -c "exit 1"
startsecs=10
autostart=false
startretries=0
priority=2
[group:g]
programs=a,b,missing
priority=50
"""


def sent(t, body, **headers):
    """POST a body as it is: the value, the fault, or the HTTP status."""
    data = body.encode() if isinstance(body, str) else body
    try:
        status, _, text = t.http("POST", "/RPC2", body=data, headers={"Content-Type": "text/xml", **headers})
    except OSError as why:
        return {"error": type(why).__name__}
    if status != 200:
        return {"http": status}
    try:
        return xmlrpc.client.loads(text)[0][0]
    except xmlrpc.client.Fault as fault:
        return {"fault": fault.faultCode, "string": fault.faultString}


@scenario("more_rpc")
def every_method_counts_its_parameters(t):
    t.conf(PROGRAMS)
    t.start()
    for method in t.call("system.listMethods"):
        if method in ("supervisor.shutdown", "supervisor.restart") or not method.startswith(("supervisor.", "system.")):
            continue
        for count in (0, 1, 2, 3, 4, 5):
            if (method, count) in (("system.multicall", 1), ("supervisor.readLog", 2), ("supervisor.readMainLog", 2)):
                continue
            value = t.rpc(method, *["x"] * count, record=False)
            if isinstance(value, dict) and ("fault" in value or "error" in value):
                t.record(f"{method} with {count}", value)
    t.rpc("supervisor.shutdown", "x")
    t.rpc("supervisor.restart", "x", 1)


@scenario("more_rpc")
def names_that_are_odd_for_each_method(t):
    t.conf(PROGRAMS)
    t.start()
    for method, more in (("startProcess", ()), ("stopProcess", ()), ("signalProcess", ("0",)), ("getProcessInfo", ()), ("clearProcessLogs", ()),
                         ("clearProcessLog", ()), ("readProcessStdoutLog", (0, 10)), ("readProcessLog", (0, 10)), ("tailProcessStderrLog", (0, 10)),
                         ("sendProcessStdin", ("x",)), ("startProcessGroup", ()), ("stopProcessGroup", ()), ("signalProcessGroup", ("0",)),
                         ("addProcessGroup", ()), ("removeProcessGroup", ())):
        for name in ("", ":", "a", "g", "g:", "g:*", "g:a", "g:a:", ":a", "*:a", "g:nosuch", " solo", "Solo", "solo:*", "solo:solo", "ünï", "all", "g:a "):
            if method in ("startProcess", "stopProcess", "addProcessGroup", "removeProcessGroup") and name in ("g:", "g:*", "solo:*"):
                continue
            t.rpc(f"supervisor.{method}", name, *more)


@scenario("more_rpc")
def groups_answer_in_an_order(t):
    t.conf(PROGRAMS)
    t.start()
    t.rpc("supervisor.startProcessGroup", "g")
    t.rpc("supervisor.startProcessGroup", "g", True)
    t.rpc("supervisor.startProcessGroup", "g", False)
    t.rpc("supervisor.signalProcessGroup", "g", "0")
    t.rpc("supervisor.signalAllProcesses", "0")
    t.rpc("supervisor.stopProcessGroup", "g", False)
    for name in ("g:a", "g:b"):
        t.wait_state(name, "STOPPED")
    t.rpc("supervisor.stopProcessGroup", "g", False)
    t.rpc("supervisor.signalProcessGroup", "g", "0")
    t.rpc("supervisor.startAllProcesses", False)
    t.wait_state("crash", "FATAL")
    t.rpc("supervisor.startAllProcesses", False)
    t.wait_state("crash", "FATAL")
    t.rpc("supervisor.signalAllProcesses", "SIGCONT")
    t.rpc("supervisor.clearAllProcessLogs")
    t.rpc("supervisor.stopAllProcesses", False)
    t.wait_state("solo", "STOPPED")
    t.wait_state("g:a", "STOPPED")
    t.wait_state("g:b", "STOPPED")
    t.rpc("supervisor.stopAllProcesses")
    t.rpc("supervisor.startAllProcesses", "false")
    t.rpc("supervisor.stopAllProcesses", 0)


@scenario("more_rpc")
def numbers_at_the_edges_of_a_log(t):
    t.conf("""
[program:ten]
command=/bin/sh -c "printf 0123456789; printf abcdefghij >&2; exec cat"
startsecs=0
[program:none]
command=/bin/cat
stdout_logfile=NONE
stderr_logfile=NONE
startsecs=0
[program:merged]
command=/bin/sh -c "printf 0123456789; printf abcdefghij >&2; exec cat"
redirect_stderr=true
startsecs=0
""")
    t.start()
    t.until(lambda: t.call("supervisor.readProcessStdoutLog", "ten", 0, 0) == "0123456789", "it is written")
    t.until(lambda: t.call("supervisor.readProcessStderrLog", "ten", 0, 0) == "abcdefghij", "it is written")
    t.until(lambda: t.call("supervisor.readProcessStdoutLog", "merged", 0, 0) == "0123456789abcdefghij", "it is written")
    edges = (0, 1, 5, 9, 10, 11, 100, -1, -5, -10, -11, 2147483647, -2147483648)
    for method in ("readProcessStdoutLog", "readProcessStderrLog", "tailProcessStdoutLog", "tailProcessStderrLog"):
        for offset in edges:
            t.record(f"{method} at {offset}", [t.rpc(f"supervisor.{method}", "ten", offset, length, record=False) for length in edges])
    for name in ("none", "merged"):
        for method in ("readProcessLog", "readProcessStdoutLog", "readProcessStderrLog", "tailProcessLog", "tailProcessStdoutLog", "tailProcessStderrLog"):
            for offset, length in ((0, 0), (0, 5), (-3, 0), (0, -1), (5, 100)):
                t.rpc(f"supervisor.{method}", name, offset, length)
        t.rpc("supervisor.clearProcessLogs", name)
        t.rpc("supervisor.clearProcessLog", name)


@scenario("more_rpc")
def calls_within_a_multicall(t):
    t.conf(PROGRAMS)
    t.start()
    def call(name, *params):
        return {"methodName": name, "params": list(params)}
    for label, calls in {
        "nothing": [], "a value": [call("supervisor.getIdentification")], "unknown": [call("nosuch"), call("supervisor.nosuch"), call("nosuch.x")],
        "faults between": [call("supervisor.startProcess", "nosuch"), call("supervisor.getProcessInfo", "nosuch"), call("supervisor.getVersion")],
        "recursive": [call("system.multicall", []), call("supervisor.getVersion")], "no params": [{"methodName": "supervisor.getVersion"}],
        "no name": [{"params": []}, call("supervisor.getVersion")], "empty": [{}], "too many": [call("supervisor.getVersion", 1)],
        "deferred": [call("supervisor.startProcess", "solo"), call("supervisor.getVersion"), call("supervisor.stopProcess", "solo"), call("supervisor.startProcess", "missing")],
        "crash": [call("supervisor.startProcess", "crash"), call("supervisor.getVersion")],
        "more keys": [{"methodName": "supervisor.getVersion", "params": [], "x": 1}],
        "system": [call("system.methodHelp", "nosuch"), call("system.methodSignature", "nosuch"), call("system.methodSignature", "supervisor.getState")],
        "private": [call("supervisor._update", "x"), call("supervisor.__init__"), call("supervisor.supervisord"), call("supervisor._getAllProcesses"), call("system._getAllMethods")],
        "all": [call("supervisor.startAllProcesses"), call("supervisor.stopAllProcesses")],
        "reread": [call("supervisor.reloadConfig")],
    }.items():
        t.record(label, t.rpc("system.multicall", calls, record=False))


@scenario("more_rpc")
def the_system_methods_and_odd_names(t):
    t.conf(PROGRAMS)
    t.start()
    for name in ("", "nosuch", "supervisor", "supervisor.", ".getState", "supervisor.nosuch", "system.listMethods", "supervisor.getstate", "system.methodHelp", "supervisor.supervisord"):
        value = t.rpc("system.methodHelp", name, record=False)
        t.record(f"help {name!r}", value if isinstance(value, dict) else type(value).__name__)
        t.rpc("system.methodSignature", name)
    for method in t.call("system.listMethods"):
        t.rpc("system.methodSignature", method)
    for name in ("getState", "supervisor", "supervisor.getState.x", "supervisor..getState", " supervisor.getState", "supervisor.getState ", "Supervisor.getState",
                 "supervisor._update", "supervisor.__class__", "supervisor.supervisord", "system.multicall.x", "system", "x.y.z", "supervisor.getState()", "süper.visor"):
        t.rpc(name)


@scenario("more_rpc")
def requests_of_clients_of_other_languages(t):
    t.conf(PROGRAMS)
    t.start()
    info = "supervisor.getProcessInfo"
    for label, body in {
        "no params element": "<methodCall><methodName>supervisor.getState</methodName></methodCall>",
        "an empty params element": "<methodCall><methodName>supervisor.getState</methodName><params/></methodCall>",
        "params in lines": "<?xml version=\"1.0\"?>\n<methodCall>\n  <methodName>supervisor.getState</methodName>\n  <params>\n  </params>\n</methodCall>\n",
        "a bare string": f"<methodCall><methodName>{info}</methodName><params><param><value>solo</value></param></params></methodCall>",
        "a string in lines": f"<methodCall><methodName>{info}</methodName><params><param>\n<value>\n<string>solo</string>\n</value>\n</param></params></methodCall>",
        "blanks in a bare value": f"<methodCall><methodName>{info}</methodName><params><param><value> solo </value></param></params></methodCall>",
        "blanks around the name": f"<methodCall><methodName> {info}\n</methodName><params><param><value>solo</value></param></params></methodCall>",
        "CDATA": f"<methodCall><methodName><![CDATA[{info}]]></methodName><params><param><value><string><![CDATA[so]]>lo</string></value></param></params></methodCall>",
        "comments": f"<!-- a --><methodCall><!-- b --><methodName>{info}<!-- c --></methodName><params><param><value><string>so<!-- d -->lo</string></value></param></params></methodCall><!-- e -->",
        "entities": f"<methodCall><methodName>{info}</methodName><params><param><value><string>&#115;&#x6f;lo</string></value></param></params></methodCall>",
        "named entities": f"<methodCall><methodName>{info}</methodName><params><param><value><string>&lt;&gt;&amp;&quot;&apos;</string></value></param></params></methodCall>",
        "a byte order mark": b"\xef\xbb\xbf<?xml version='1.0'?><methodCall><methodName>supervisor.getState</methodName></methodCall>",
        "us-ascii": b"<?xml version='1.0' encoding='US-ASCII'?><methodCall><methodName>supervisor.getState</methodName></methodCall>",
        "utf-8 in capitals": "<?xml version='1.0' encoding='UTF-8' standalone='yes'?><methodCall><methodName>supervisor.getProcessInfo</methodName><params><param><value>é</value></param></params></methodCall>".encode(),
        "a processing instruction": "<?xml version='1.0'?><?php x?><methodCall><methodName>supervisor.getState</methodName></methodCall>",
        "attributes": f"<methodCall a='1'><methodName b='2'>{info}</methodName><params c='3'><param d='4'><value e='5'><string f='6'>solo</string></value></param></params></methodCall>",
        "an i4": "<methodCall><methodName>supervisor.readLog</methodName><params><param><value><i4>0</i4></value></param><param><value><i4>1</i4></value></param></params></methodCall>",
        "an i8": "<methodCall><methodName>supervisor.readLog</methodName><params><param><value><i8>0</i8></value></param><param><value><i8>1</i8></value></param></params></methodCall>",
        "plus and blanks in numbers": "<methodCall><methodName>supervisor.readLog</methodName><params><param><value><int> +0 </int></value></param><param><value><int>\n1</int></value></param></params></methodCall>",
        "a boolean 1": "<methodCall><methodName>supervisor.startProcess</methodName><params><param><value>nosuch</value></param><param><value><boolean>1</boolean></value></param></params></methodCall>",
        "no param element": f"<methodCall><methodName>{info}</methodName><params><value>solo</value></params></methodCall>",
        "an empty value": f"<methodCall><methodName>{info}</methodName><params><param><value/></param></params></methodCall>",
        "an empty string": f"<methodCall><methodName>{info}</methodName><params><param><value><string/></value></param></params></methodCall>",
        "an array with data": "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data><value><struct><member><name>methodName</name><value>supervisor.getVersion</value></member><member><name>params</name><value><array><data/></array></value></member></struct></value></data></array></value></param></params></methodCall>",
        "a struct in another order": "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data><value><struct>\n<member>\n<name>params</name>\n<value><array><data>\n</data></array></value></member>\n<member><name>methodName</name><value><string>supervisor.getVersion</string></value></member></struct></value></data></array></value></param></params></methodCall>",
    }.items():
        t.record(label, sent(t, body))


@scenario("more_rpc")
def content_types_and_paths_and_headers(t):
    t.conf(PROGRAMS)
    t.start()
    body = b"<methodCall><methodName>supervisor.getIdentification</methodName></methodCall>"
    for kind in ("text/xml", "application/xml", "text/plain", "text/xml; charset=utf-8", "application/x-www-form-urlencoded", ""):
        t.record(f"type {kind!r}", sent(t, body, **{"Content-Type": kind}))
    for path in ("/RPC2", "/RPC2/", "/RPC2/x", "/RPC2?x=1", "/RPC", "/rpc2", "/", "/RPC2;x", "//RPC2", "/RPC22", "/RPC2#x"):
        status, headers, text = t.http("POST", path, body=body, headers={"Content-Type": "text/xml"})
        t.record(f"POST {path}", [status, b"methodResponse" in text])
        t.record(f"GET {path}", t.http("GET", path)[0])
    status, headers, text = t.http("POST", "/RPC2", body=body, headers={"Content-Type": "text/xml", "Accept-Encoding": "gzip", "User-Agent": "x"})
    t.record("headers", {key: value for key, value in headers.items() if key not in ("Date", "Server", "Content-Length")})
    for label, head, rest in (
            ("HTTP/1.0", "POST /RPC2 HTTP/1.0\r\nContent-Length: {n}\r\n\r\n", body),
            ("HTTP/1.0 keep", "POST /RPC2 HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: {n}\r\n\r\n", body),
            ("lower case headers", "POST /RPC2 HTTP/1.1\r\nhost: x\r\ncontent-length: {n}\r\n\r\n", body),
            ("close", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {n}\r\n\r\n", body),
            ("no host", "POST /RPC2 HTTP/1.1\r\nContent-Length: {n}\r\n\r\n", body),
            ("a put", "PUT /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n", body),
            ("a lower-case method", "post /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {n}\r\n\r\n", body)):
        with t.wire(timeout=5) as wire:
            wire.send(head.replace("{n}", str(len(rest))).encode() + rest)
            status, headers, text = wire.answer()
            t.record(label, [status, b"supervisor</string>" in text, wire.ends(1)])


@scenario("more_rpc")
def calls_while_a_program_is_between_states(t):
    t.script("stubborn", "#!/bin/sh\ntrap '' TERM\necho ready\nwhile :; do sleep 0.1; done\n")
    t.conf("""
[program:starting]
command=/bin/cat
startsecs=3600
[program:backoff]
command=/bin/sh -c "exit 3"
startsecs=3600
startretries=1000
[program:stopping]
command={dir}/stubborn
startsecs=0
stopwaitsecs=3600
[program:fatal]
command=/bin/sh -c "exit 3"
startsecs=3600
startretries=0
[program:exited]
command=/bin/sh -c "exit 3"
startsecs=0
autorestart=false
""")
    t.start()
    t.until(lambda: "ready" in t.call("supervisor.readProcessStdoutLog", "stopping", 0, 0), "it is ready")
    t.wait_state("fatal", "FATAL")
    t.wait_state("exited", "EXITED")
    t.rpc("supervisor.stopProcess", "stopping", False)
    for name in ("starting", "stopping", "fatal", "exited"):
        t.rpc("supervisor.signalProcess", name, "0")
        t.rpc("supervisor.sendProcessStdin", name, "x")
        t.rpc("supervisor.clearProcessLogs", name)
        t.rpc("supervisor.addProcessGroup", name)
        if name not in ("fatal", "exited"):
            t.rpc("supervisor.removeProcessGroup", name)
            t.rpc("supervisor.startProcess", name, False)
            t.rpc("supervisor.startProcess", name)
            t.rpc("supervisor.startProcessGroup", name)
    t.rpc("supervisor.stopProcessGroup", "fatal")
    t.rpc("supervisor.stopProcess", "exited")
    t.wait_state("backoff", "BACKOFF")
    t.rpc("supervisor.signalAllProcesses", "0", record=False)
    t.rpc("supervisor.stopProcess", "starting")
    t.rpc("supervisor.getProcessInfo", "starting", only=("statename", "exitstatus", "spawnerr", "description", "pid", "stop"), record=False)
    t.rpc("supervisor.removeProcessGroup", "fatal")
    t.rpc("supervisor.removeProcessGroup", "fatal")
    t.rpc("supervisor.removeProcessGroup", "exited")
    t.rpc("supervisor.addProcessGroup", "fatal")
    t.rpc("supervisor.signalProcess", "stopping", "KILL")
    t.wait_state("stopping", "STOPPED")


@scenario("more_rpc")
def group_names_may_be_of_any_plain_type(t):
    t.conf("[program:1]\ncommand=/bin/cat\nautostart=false\n[program:True]\ncommand=/bin/cat\nautostart=false\n")
    t.start()
    for method in ("startProcessGroup", "stopProcessGroup", "addProcessGroup", "removeProcessGroup"):
        for name in (2, False, 1.5, "x"):
            t.rpc(f"supervisor.{method}", name)
    for name in (2, False, 1.5):
        t.rpc("supervisor.signalProcessGroup", name, "TERM")
    for method in ("system.methodHelp", "system.methodSignature"):
        for name in (1, [], {}, True, "x"):
            t.rpc(method, name)
    t.rpc("system.multicall", [{"methodName": "supervisor.getAPIVersion", "params": {}}])
