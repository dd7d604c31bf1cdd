#!/usr/bin/env python3
"""Run other people's programs for Supervisor, unmodified, with ours: listeners, clients, Ansible, supervisorctl itself.

    run.py --programs target/release             the programs of this project
    run.py --programs VENV/bin                   those of Supervisor 4.3.0: the same must hold
    options: --install (install what is missing from PyPI, npm and Debian), --only NAME,
             --folder FOLDER (where it is installed; default: target/third_party), --keep (leave the scratch folders)

What is installed has fixed versions, so that a failure is a change of ours. Needs Python 3 with venv, and Node.js for one
check.
"""
import argparse
import os
import shutil
import subprocess
import sys
import traceback
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(TOP, "conformance"))
import checks  # noqa: E402

PYPI = ["supervisor==4.3.0", "superlance==2.0.0", "supervisord-dependent-startup==1.4.0", "supervisor-checks==0.8.1",
        "ansible-core==2.19.14"]
# Of this package one module is taken out: installed whole it is some hundreds of megabytes.
COLLECTIONS = "ansible==12.3.0"
MODULE = "ansible_collections/community/general/"
NPM = "supervisord@0.1.0"


def install(folder):
    """Install what is missing below the folder."""
    if not (shutil.which("node") and shutil.which("npm")):
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nodejs", "npm"]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    venv, node, collections = (os.path.join(folder, name) for name in ("venv", "node", "collections"))
    pip = os.path.join(venv, "bin", "pip")
    if not os.path.exists(os.path.join(venv, "bin", "ansible")):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([pip, "install", "-q", *PYPI], check=True)
    if not os.path.isdir(collections):
        wheels = os.path.join(folder, "wheels")
        subprocess.run([pip, "download", "-q", "--no-deps", "-d", wheels, COLLECTIONS], check=True)
        parts = ("MANIFEST.json", "meta/", "plugins/doc_fragments/", "plugins/modules/supervisorctl.py")
        for name in os.listdir(wheels):
            with zipfile.ZipFile(os.path.join(wheels, name)) as wheel:
                wanted = [path for path in wheel.namelist() if path.startswith(tuple(MODULE + part for part in parts))]
                wheel.extractall(collections, wanted)
        shutil.rmtree(wheels)
    if not os.path.isdir(os.path.join(node, "node_modules", "supervisord")):
        os.makedirs(node, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", node, NPM], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", required=True, help="folder with supervisord and supervisorctl")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--only", action="append")
    parser.add_argument("--folder", default=os.path.join(TOP, "target", "third_party"))
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    folder = os.path.abspath(options.folder)
    if options.install:
        install(folder)
    passed = failed = 0
    for check in checks.ALL:
        name = check.__name__
        if options.only and not any(part in name for part in options.only):
            continue
        world = checks.World(os.path.abspath(options.programs), folder)
        try:
            check(world)
            passed += 1
            print(f"ok {name}", flush=True)
        except Exception:  # whatever went wrong is told, and the next check is tried
            failed += 1
            print(f"FAILED {name}")
            traceback.print_exc(file=sys.stdout)
            world.tell()
        finally:
            world.clean(keep=options.keep)
    print(f"third-party programs: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
