"""superlance and pidproxy from other angles: empty options, servers that are not there, pid files that help nobody."""
import signal
import time

from listening import ByHand
from rig import scenario

URL = {"SUPERVISOR_SERVER_URL": "unix:///nowhere"}
EXITED = "PROCESS_STATE_EXITED", "processname:shop groupname:front from_state:RUNNING expected:0 pid:1234"


def sendmail(t):
    t.script("sendmail", "#!/bin/sh\n{ cat; echo; echo \"end of mail\"; } >> " + t.dir + "/mails\n")
    return t.path("sendmail")


@scenario("more_superlance")
def crashmail_takes_empty_options_for_none(t):
    for arguments in (["-o", ""], ["-o", " "], ["-o", "grüße"], ["--optionalheader="], ["-p", ""]):
        crashmail = ByHand(t, "crashmail", "-a", *arguments, "-s", sendmail(t), "-m", "ops@example.com", env=URL)
        t.record(f"{arguments}", [crashmail.ready(), crashmail.event(*EXITED)])
        crashmail.end()
    t.record("mails", t.read("mails").split("\nend of mail\n"))


@scenario("more_superlance")
def a_mail_server_that_is_not_there_is_told_with_its_error(t):
    for program in ("crashmailbatch", "crashsms"):
        mailer = ByHand(t, program, "-t", "you@example.com", "-f", "me@example.com", "-H", "127.0.0.1:1", env=URL)
        mailer.ready()
        t.record(program, [mailer.event(*EXITED), mailer.event("TICK_60", "when:1200000000"), mailer.event("TICK_60", "when:1200000060")])
        t.mask(r"(?s)Sending notification.*", "<MAIL>")
        t.record("stderr", mailer.end())


@scenario("more_superlance")
def pidproxy_with_pid_files_that_help_nobody(t):
    for content in (None, "", "none\n"):
        if content is not None:
            t.write("some.pid", content)
        proxy = t.spawn("pidproxy", t.path("some.pid"), "/bin/sleep", "30")
        t.until(lambda proxy=proxy: caught(proxy.process.pid, signal.SIGHUP), "it catches signals")
        for number in (signal.SIGHUP, signal.SIGTERM):
            said = proxy.gather()
            proxy.signal(number)
            t.until(lambda proxy=proxy, said=said: proxy.gather() != said, "it complains", 8)
            t.record(f"{content!r}, {number.name}", [proxy.process.poll(), proxy.gather()])
        proxy.kill()
        t.kill_leftovers()
    begun = time.monotonic()
    for arguments in (["/bin/true"], ["/bin/sh", "-c", "exit 3"], ["/nonexistent/program"], ["true"]):
        t.record(f"runs {arguments}", t.run("pidproxy", t.path("none.pid"), *arguments, timeout=20)[:2])
    t.record("in good time", time.monotonic() - begun < 60)


def caught(pid, number):
    """True if a process deals with a signal itself: by a handler, or blocked and read."""
    with open(f"/proc/{pid}/status") as status:
        masks = [line.split()[1] for line in status if line.startswith(("SigCgt", "SigBlk"))]
    return any(int(mask, 16) & 1 << (number - 1) for mask in masks)
