#!/usr/bin/env python3
"""Supervise real services, as examples/ shows them, and look at what their users would see.

    run.py --programs target/release             the programs of this project
    run.py --programs VENV/bin                   those of Supervisor 4.3.0: the same must hold
    options: --install (install what is missing: Debian's packages as root, PyPI's into --venv), --only NAME,
             --venv FOLDER (default: target/real_services/venv), --keep (leave the scratch folders)

Each service runs from a copy of its example in a scratch folder, on free ports: it is started and answers, its output is
in its log, it is killed and comes back, it is reloaded by a signal where it can be, and after the end of supervisord no
process of it is left. Needs Python 3 and nothing else of its own.
"""
import argparse
import os
import shutil
import subprocess
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import services  # noqa: E402
from supervised import Supervised  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
DEBIAN = {"nginx": "nginx", "redis-server": "redis-server", "php-fpm8.2": "php-fpm", "php-cgi": "php-cgi", "perl": "perl"}
PYPI = ["gunicorn==27.0.1", "uvicorn==0.54.0", "celery[redis]==5.7.0", "redis==8.1.0"]


def install(venv):
    """Install what is missing; Debian's own services are kept from starting by themselves."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [package for program, package in DEBIAN.items() if not shutil.which(program, path=path)]
    if missing:
        policy = "/usr/sbin/policy-rc.d"
        ours = not os.path.exists(policy)
        if ours:
            with open(policy, "w") as out:
                out.write("#!/bin/sh\nexit 101\n")
            os.chmod(policy, 0o755)
        try:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:
                subprocess.run(["apt-get", "update", "-qq"], check=True)
                subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        finally:
            if ours:
                os.unlink(policy)
    if not os.path.exists(os.path.join(venv, "bin", "celery")):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([os.path.join(venv, "bin", "pip"), "install", "-q", *PYPI], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, help="folder with supervisord and supervisorctl")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--only", action="append")
    parser.add_argument("--venv", default=os.path.join(TOP, "target", "real_services", "venv"))
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    if options.install:
        install(options.venv)
    passed = failed = 0
    for name, check in services.ALL.items():
        if options.only and name not in options.only:
            continue
        supervised = Supervised(options.programs, os.path.join(TOP, "examples"), options.venv)
        try:
            check(supervised)
            supervised.end()
            passed += 1
            print(f"ok {name}", flush=True)
        except Exception:  # whatever went wrong is told, and the next service is tried
            failed += 1
            print(f"FAILED {name}")
            traceback.print_exc(file=sys.stdout)
            supervised.tell()
        finally:
            supervised.clean(keep=options.keep)
    print(f"real services: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
