"""A disk that is full, for as long as a test needs one and no longer: what writes the test's report is limited too."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(limit: int = 0) -> Iterator[None]:
    """No file of this process may grow beyond ``limit`` bytes: every writer meets a real error of the system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@contextmanager
def mounted(folder: Path, size: str = "64k") -> Iterator[Path]:
    """A disk of ``size`` at ``folder``, of memory. The test skips where this machine lets it mount none."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """``folder``, where nobody can write, not even root. The test skips as for :func:`mounted`."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(*how: str) -> None:
    if shutil.which("mount") is None or os.getuid() != 0:
        pytest.skip("only root may mount a disk")
    done = subprocess.run(["mount", *how], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine mounts no disk for a test ({done.stderr.strip()})")


def fill(folder: Path) -> None:
    """Leave no room on the disk of ``folder``."""
    with contextlib.suppress(OSError), (folder / "full").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
