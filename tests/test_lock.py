"""The tested set of packages: what the lock file says, how it is made, and how the set-up uses it."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "packaging" / "lock.txt"
LINE = re.compile(r"([a-z0-9][a-z0-9.-]*)==(\S+) --hash=sha256:[0-9a-f]{64}")
ENVIRONMENT = {
    "python_version": "3.11", "python_full_version": "3.11.7", "platform_system": "Linux", "sys_platform": "linux",
    "platform_machine": "x86_64", "os_name": "posix", "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}  # fmt: skip
TOOL = runpy.run_path(str(ROOT / "packaging" / "lock.py"), run_name="lock")


def _locked() -> dict[str, str]:
    """Name → version."""
    lines = [line for line in LOCK.read_text().splitlines() if not line.startswith("#")]
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {match[1]: match[2] for match in found if match}


def _asked() -> list[Requirement]:
    """What pyproject.toml asks for, with [dev] and what builds the program."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())
    texts = [
        *told["project"]["dependencies"],
        *told["project"]["optional-dependencies"]["dev"],
        *told["build-system"]["requires"],
    ]
    return [Requirement(text) for text in texts]


def _unmet(asked: Requirement, locked: dict[str, str], extra: str = "") -> str:
    """Why ``locked`` does not do for ``asked``; empty where it does, or is not asked here."""
    if asked.marker is not None and not asked.marker.evaluate({**ENVIRONMENT, "extra": extra}):
        return ""
    version = locked.get(canonicalize_name(asked.name))
    if version is None:
        return f"{asked.name} is not in the lock"
    return "" if asked.specifier.contains(version, prereleases=True) else f"{asked} does not admit {version}"


def test_every_package_has_a_hash_and_the_file_names_no_place() -> None:
    locked = _locked()
    assert len(locked) > 60
    assert list(locked) == sorted(locked)
    assert locked["torch"].endswith("+cpu")
    assert not re.search(r"://|/opt|/home|--index|--find-links", LOCK.read_text())


def test_the_lock_is_within_the_ranges_of_the_project() -> None:
    locked = _locked()
    assert [text for asked in _asked() if (text := _unmet(asked, locked))] == []


def test_all_that_locked_packages_need_is_locked() -> None:
    """As far as they are installed in the version that is locked, which in continuous integration they all are."""
    locked = _locked()
    installed = {name: each for name, each in _installed().items() if locked.get(name) == each.version}
    extras = {canonicalize_name(one.name): one.extras for one in _asked()}
    unmet = [
        f"{name}: {text}"
        for name, each in installed.items()
        for asked in map(Requirement, each.requires or ())
        for extra in ("", *extras.get(name, ()))
        if (text := _unmet(asked, locked, extra))
    ]
    assert unmet == []
    assert len(installed) > 30 or not _is_of_the_lock()


def test_an_environment_of_the_lock_has_these_packages_and_no_others() -> None:
    if not _is_of_the_lock():
        assert os.environ.get("CI") != "true", "continuous integration installs the tested set"
        pytest.skip("this environment was not installed from the lock")
    installed = {name: each.version for name, each in _installed().items() if name != "latent-explorer"}
    assert installed == _locked()


def _installed() -> dict[str, metadata.Distribution]:
    return {canonicalize_name(one.metadata["Name"]): one for one in metadata.distributions(path=_site_packages())}


def _site_packages() -> list[str]:
    return [path for path in sys.path if path.startswith(sys.prefix) and path.endswith("site-packages")]


def _is_of_the_lock() -> bool:
    stamp = Path(sys.prefix) / ".installed-test"
    return stamp.exists() and stamp.read_text().strip() == "lock"


# --- making it ---


def _report(torch: str = "2.13.0+cpu", **where: str) -> dict[str, Any]:
    def package(name: str, version: str) -> dict[str, Any]:
        archive = {"url": f"https://host/{name}.whl", "archive_info": {"hashes": {"sha256": "ab" * 32}}}
        return {"metadata": {"name": name, "version": version}, "download_info": archive}

    own = {"metadata": {"name": "own", "version": "1"}, "download_info": {"url": "file:///here", "dir_info": {}}}
    packages = [own, package("torch", torch), package("PySide6_Essentials", "6.11.3")]
    machine = {"python_version": "3.11", "platform_system": "Linux", "platform_machine": "x86_64", **where}
    return {"environment": machine, "install": packages}


def test_names_versions_and_hashes_are_kept_and_nothing_else() -> None:
    text = TOOL["locked"](_report())
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        f"pyside6-essentials==6.11.3 --hash=sha256:{'ab' * 32}",
        f"torch==2.13.0+cpu --hash=sha256:{'ab' * 32}",
    ]


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        (_report(torch="2.13.0"), "error: pip finds torch 2.13.0 here"),
        (_report(platform_machine="aarch64"), "error: the lock is of CPython 3.11 on Linux"),
        (_report(python_version="3.12"), "error: the lock is of CPython 3.11 on Linux"),
    ],
)
def test_a_set_of_another_machine_is_not_written(report: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(sentence)):
        TOOL["locked"](report)


# --- using it ---

PIP = """#!/bin/sh
# An interpreter that installs nothing: it writes down what it is told.
case "$*" in
    *platform.machine*) exit $WRONG_MACHINE ;;
    *--require-hashes*) echo "$*" >>told; exit $WRONG_HASH ;;
esac
echo "$*" >>told
"""


def _set_up(
    folder: Path, wrong_machine: int = 0, wrong_hash: int = 0, purpose: str = "test", **environment: str
) -> Any:
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / "packaging").mkdir()
    for name in ("pyproject.toml", "packaging/setup.sh", "packaging/lock.txt"):
        shutil.copy(ROOT / name, folder / name)
    pip = folder / ".venv" / "bin" / "python"
    pip.write_text(PIP)
    pip.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    told = {"PYTHON": sys.executable, "WRONG_MACHINE": str(wrong_machine), "WRONG_HASH": str(wrong_hash), **environment}
    return subprocess.run(
        ["sh", "packaging/setup.sh", purpose], cwd=folder, env={**kept, **told}, capture_output=True, text=True
    )


def _told(folder: Path) -> str:
    return (folder / "told").read_text()


@pytest.mark.parametrize("environment", [{}, {"CI": "true"}])
def test_the_tested_set_is_installed_by_its_hashes(tmp_path: Path, environment: dict[str, str]) -> None:
    done = _set_up(tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    assert "--no-deps --require-hashes --requirement packaging/lock.txt" in _told(tmp_path)
    assert "--no-build-isolation --editable ." in _told(tmp_path)
    assert "torch>=" not in _told(tmp_path)
    assert (tmp_path / ".venv" / ".installed-test").read_text() == "lock\n"


@pytest.mark.parametrize(("machine", "hashes"), [(1, 0), (0, 1)])
def test_where_it_does_not_hold_ranges_do_and_a_line_says_so(tmp_path: Path, machine: int, hashes: int) -> None:
    done = _set_up(tmp_path, machine, hashes)
    assert done.returncode == 0, done.stderr
    assert "packaging/lock.txt) cannot be installed here" in done.stdout
    assert re.search(r"pip install .* torch>=\S+,<\S+\n", _told(tmp_path))
    assert "--editable .[dev]" in _told(tmp_path)
    assert (tmp_path / ".venv" / ".installed-test").read_text() == "ranges\n"


@pytest.mark.parametrize(("machine", "hashes"), [(1, 0), (0, 1)])
def test_continuous_integration_fails_where_it_does_not_hold(tmp_path: Path, machine: int, hashes: int) -> None:
    done = _set_up(tmp_path, machine, hashes, CI="true")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: the tested set of packages (packaging/lock.txt) cannot be")
    assert not (tmp_path / ".venv" / ".installed-test").exists()


def test_running_the_program_takes_the_ranges_without_the_tools(tmp_path: Path) -> None:
    done = _set_up(tmp_path, purpose="run")
    assert done.returncode == 0, done.stderr
    assert "lock.txt" not in _told(tmp_path)
    assert "--editable .\n" in _told(tmp_path)
