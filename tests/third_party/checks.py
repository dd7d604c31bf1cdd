"""What must hold when other people's programs meet our supervisord and supervisorctl.

Each check gets a World: the programs under test, the third party's programs, and a scratch folder with a daemon, which is
the conformance rig's. A check fails by an exception; `until` waits for a condition, with a bound.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

import listening
import rig

HERE = os.path.dirname(os.path.abspath(__file__))
CONFORM = os.path.join(os.path.dirname(os.path.dirname(HERE)), "conformance", "conform")
# Scenarios may differ once on a busy machine; one that differs twice differs.
TRIES = 2


class World(rig.Rig):
    """A daemon in a scratch folder, and the programs that meet it."""

    def __init__(self, programs, folder):
        super().__init__(rig.Implementation("ours", programs), tempfile.mkdtemp(prefix="third", dir="/tmp"))
        self.programs, self.folder = programs, folder

    def theirs(self, name):
        """A program of the third party."""
        return os.path.join(self.folder, "venv", "bin", name)

    def must(self, what, condition, timeout=30):
        """Wait for a condition, or fail."""
        if not self.until(condition, what, timeout):
            raise AssertionError(f"in vain for {timeout} s: {what}")

    def state(self, name):
        return self.call("supervisor.getProcessInfo", name)["statename"]

    def mixed(self, **places):
        """A folder of programs: name=folder in which it is (a dash in a name is written _)."""
        folder = tempfile.mkdtemp(prefix="mixed", dir=self.dir)
        for name, place in places.items():
            os.symlink(os.path.join(place, name), os.path.join(folder, name))
        return folder

    def conform(self, programs, *areas):
        """Run the conformance scenarios of some areas with these programs."""
        names = list(areas)
        for _ in range(TRIES):
            only = [word for name in names for word in ("--only", name)]
            command = [sys.executable, CONFORM, "--candidate", programs, "--jobs", "4", *only]
            done = subprocess.run(command, capture_output=True, text=True)
            names = [line.split(" ")[1].rstrip(":") for line in done.stdout.splitlines() if line.startswith("DIFFERS ")]
            if done.returncode == 0:
                print(f"   {done.stdout.splitlines()[-1]}")
                return
        raise AssertionError(f"these differ twice: {names}\n{done.stdout}{done.stderr}")

    def tell(self):
        """Show what the daemon and its children said."""
        for folder, _, names in os.walk(self.dir):
            for name in sorted(names):
                if name.endswith((".log", ".out", ".conf")):
                    path = os.path.relpath(os.path.join(folder, name), self.dir)
                    text = self.read(path)[-3000:]
                    print(f"--- {path}\n{text}" if text else f"--- {path}: empty")

    def clean(self, keep):
        if keep:
            kept = self.dir + ".kept"
            shutil.copytree(self.dir, kept, symlinks=True, ignore=lambda folder, names: [n for n in names if n.endswith(".sock")])
            print(f"kept {kept}")
        self.close()


def their_superlance_listens_to_our_daemon(world):
    """PyPI's superlance, all of its programs and ways, as the transcripts have it."""
    names = "crashmail crashmailbatch crashsms fatalmailbatch httpok memmon pidproxy".split()
    theirs = {name: os.path.dirname(world.theirs(name)) for name in names}
    ours = {name: world.programs for name in ("supervisord", "supervisorctl", "echo_supervisord_conf")}
    world.conform(world.mixed(**theirs, **ours), "superlance.")


def their_supervisorctl_drives_our_daemon(world):
    theirs = os.path.dirname(world.theirs("supervisorctl"))
    world.conform(world.mixed(supervisord=world.programs, supervisorctl=theirs), "basics.", "ctl.")


def our_supervisorctl_drives_their_daemon(world):
    theirs = os.path.dirname(world.theirs("supervisord"))
    world.conform(world.mixed(supervisord=theirs, supervisorctl=world.programs), "basics.", "ctl.")


def dependent_startup_starts_programs_in_order(world):
    """PyPI's supervisord-dependent-startup: a chain of programs, each started when the one before it has come so far."""
    world.conf(f"""
[eventlistener:dependentstartup]
command={world.theirs("supervisord-dependent-startup")} -c {{dir}}/supervisord.conf
autorestart=unexpected
startsecs=0
startretries=0
exitcodes=0,3
events=PROCESS_STATE
[program:last]
command=/bin/sleep 600
autostart=false
startsecs=0
dependent_startup=true
dependent_startup_wait_for=middle:running setup:exited
[program:middle]
command=/bin/sleep 600
autostart=false
startsecs=0
dependent_startup=true
dependent_startup_wait_for=setup:exited
[program:setup]
command=/bin/sh -c "sleep 0.5"
autostart=false
autorestart=false
startsecs=0
dependent_startup=true
[program:apart]
command=/bin/sleep 600
autostart=false
""")
    world.start()
    world.must("the last program runs", lambda: world.state("last") == "RUNNING")
    log = world.read("main.log")
    order = [log.index(text) for text in ("exited: setup", "spawned: 'middle'", "spawned: 'last'")]
    assert order == sorted(order), log
    assert world.state("apart") == "STOPPED"
    assert world.state("setup") == "EXITED"


def supervisor_checks_restart_what_fails(world):
    """PyPI's supervisor-checks: a program whose HTTP check fails is restarted, one that answers is left alone."""
    with listening.Web(status=503) as bad, listening.Web(status=200) as good:
        check = world.theirs("supervisor_http_check")
        sections = "".join(f"""
[eventlistener:{name}_check]
command={check} -g {name} -n {name}_check -u /ping -t 5 -r 1 -p {web.port}
events=TICK_5
[program:{name}]
command=/bin/cat
startsecs=0
""" for name, web in (("bad", bad), ("good", good)))
        world.conf(sections)
        world.start()
        world.must("both run", lambda: world.state("bad") == world.state("good") == "RUNNING")
        before = [world.call("supervisor.getProcessInfo", name)["pid"] for name in ("bad", "good")]
        world.must("the failing program is restarted",
                   lambda: world.call("supervisor.getProcessInfo", "bad")["pid"] not in (0, before[0]), 40)
        world.must("the other was asked too", lambda: good.seen, 20)
        bad.status = 200
        world.must("its check says so", lambda: "check succeeded" in
                   world.call("supervisor.readProcessStderrLog", "good_check", 0, 0), 20)
        assert world.call("supervisor.getProcessInfo", "good")["pid"] == before[1]
        for name in ("bad_check", "good_check"):
            assert world.state(name) == "RUNNING"
        world.call("supervisor.stopProcess", "good_check")
        assert world.call("supervisor.getProcessInfo", "good_check")["exitstatus"] == 0


def a_node_client_reads_and_controls_over_tcp(world):
    """npm's supervisord: reads, starts, stops, feeds and asks for what is not there, with credentials over TCP."""
    port = world.free_port()
    world.conf("""
[program:web]
command=/bin/cat
startsecs=0
autostart=false
[program:other]
command=/bin/sh -c "echo 'grüße & hello'; sleep 600"
""", header=rig.HEADER + f"""
[inet_http_server]
port=127.0.0.1:{port}
username=me
password=a secret
""")
    world.start()
    world.wait_state("other", "RUNNING")
    environment = {**os.environ, "NODE_PATH": os.path.join(world.folder, "node", "node_modules")}
    command = ["node", "--no-deprecation", os.path.join(HERE, "client.js"), f"me:a%20secret@127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.state("web") == "STOPPED"
    assert world.read("main.log").count("spawned: 'web'") == 2


def ansible_manages_programs(world):
    """Ansible's module community.general.supervisorctl: every state, and that it changes nothing twice."""
    web = "[program:web]\ncommand=/bin/cat\nstartsecs=0\nautostart=false\n"
    two = "[program:two]\ncommand=/bin/cat\nstartsecs=0\n[group:shop]\nprograms=two\n"
    world.conf(web + two)
    os.rename(world.conf_path, world.path("two.conf"))
    world.conf(web)
    world.start()
    module = {"config": world.conf_path, "supervisorctl_path": world.implementation.program("supervisorctl")}
    tasks = []

    def task(expected, **parameters):
        """A task and what must come of it: `changed`, or the message of its failure."""
        tasks.append({"community.general.supervisorctl": {**module, **parameters}, "register": "done",
                      "failed_when": f"not ({expected})", "name": f"{parameters}: {expected}"})

    task("done.changed", name="web", state="started")
    task("not done.changed", name="web", state="started")
    task("done.changed", name="web", state="restarted")
    task("done.changed", name="web", state="signalled", signal="CONT")
    task("done.changed", name="web", state="stopped")
    task("not done.changed", name="web", state="stopped")
    tasks.append({"ansible.builtin.command": f"cp {world.path('two.conf')} {world.conf_path}"})
    task("done.changed", name="shop", state="present")
    task("not done.changed", name="shop:", state="present")
    task("not done.changed", name="shop:", state="started")
    task("done.changed", name="shop:", state="restarted")
    task("done.changed and done.affected == ['shop:two']", name="shop:", state="stopped")
    task("done.changed", name="all", state="restarted")
    task("done.changed", name="shop:", state="absent", stop_before_removing=True)
    task("not done.changed", name="shop:", state="absent")
    task("done.msg == 'ERROR (no such process)'", name="nobody", state="started")
    play(world, tasks)
    assert [info["name"] for info in world.call("supervisor.getAllProcessInfo")] == ["web"]


def play(world, tasks):
    """Have Ansible do tasks on this machine, the first failure being the last."""
    # JSON is YAML.
    world.write("play.yml", json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": os.path.join(world.folder, "collections"),
                   "ANSIBLE_HOME": world.path("ansible"), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
    command = [world.theirs("ansible-playbook"), "-i", "localhost,", "-c", "local", world.path("play.yml"), "-e",
               f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


ALL = [
    their_superlance_listens_to_our_daemon,
    their_supervisorctl_drives_our_daemon,
    our_supervisorctl_drives_their_daemon,
    dependent_startup_starts_programs_in_order,
    supervisor_checks_restart_what_fails,
    a_node_client_reads_and_controls_over_tcp,
    ansible_manages_programs,
]
