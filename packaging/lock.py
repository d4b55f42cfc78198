"""``make lock`` writes packaging/lock.txt: the set of packages that the tests run with, each with the hash of its file.

pip resolves the ranges of pyproject.toml and says what it would install; names, versions and hashes are kept, and not
where the files came from. The set is that of CPython 3.11 on Linux (x86-64), with torch built for processors alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "packaging" / "lock.txt"
PYTHON, SYSTEM, MACHINE = "3.11", "Linux", "x86_64"
HEAD = f"""\
# Made by `make lock`; not to be edited. What the tests run with on CPython {PYTHON}, {SYSTEM}, {MACHINE}:
# what pyproject.toml asks for (with [dev]), what builds the program, and all that these need.
"""


def main() -> None:
    """Resolve, check, write."""
    if len(sys.argv) > 1:
        sys.exit("error: packaging/lock.py takes no arguments.")
    told = resolved()
    LOCK.write_text(locked(told))
    print(f"wrote {LOCK.relative_to(ROOT)}: {len(told['install']) - 1} packages")  # noqa: T201  (a tool's own line)


def resolved() -> dict[str, Any]:
    """What pip would install into an empty environment, as its report says it."""
    backend = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        # editables: what hatchling needs for an editable install, which it says only while it builds one.
        asked = ["--editable", f"{ROOT}[dev]", *backend, "editables", "pip"]
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        done = subprocess.run([*command, "--report", str(report), *asked])
        if done.returncode:
            sys.exit("error: pip found no set of packages within the ranges of pyproject.toml; see above.")
        told: dict[str, Any] = json.loads(report.read_text())
        return told


def locked(report: dict[str, Any]) -> str:
    """The text of the lock file. Ends the program with one sentence where the set is of another machine than CI's."""
    where = report["environment"]
    if (where["python_version"], where["platform_system"], where["platform_machine"]) != (PYTHON, SYSTEM, MACHINE):
        sys.exit(f"error: the lock is of CPython {PYTHON} on {SYSTEM} ({MACHINE}); run `make lock` there.")
    lines: dict[str, str] = {}
    for package in report["install"]:
        name, version = package["metadata"]["name"].lower().replace("_", "-"), package["metadata"]["version"]
        if "dir_info" in package["download_info"]:
            continue  # the program itself
        if name == "torch" and not version.endswith("+cpu"):
            sys.exit(
                f"error: pip finds torch {version} here, and CI uses a build for processors alone (+cpu); run "
                "`make lock` where pip finds that."
            )
        sha256 = package["download_info"]["archive_info"]["hashes"]["sha256"]
        lines[name] = f"{name}=={version} --hash=sha256:{sha256}\n"
    return HEAD + "".join(lines[name] for name in sorted(lines))


if __name__ == "__main__":
    main()
