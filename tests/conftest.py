"""Fixtures for every test: the program's own folders are temporary, and other people's models are found or the test
skips."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from explorer import keeping

# Before Qt or torch is imported: no window appears, and two test workers do not fight for the cores.
if os.environ.get("QT_QPA_PLATFORM", "offscreen") == "offscreen":  # whose own screen is smaller than any in use
    os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={Path(__file__).with_name('screen.json')}"
os.environ.setdefault("OMP_NUM_THREADS", "1")


# No test fails because a machine is slow.
settings.register_profile("whenever", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("whenever")


def pytest_configure() -> None:
    """Whoever starts the tests may ignore signals (nohup, a job in the background); what the tests start would inherit
    that, and never hear what it is told."""
    for name, usual in (
        ("SIGHUP", signal.SIG_DFL),
        ("SIGINT", signal.default_int_handler),
        ("SIGTERM", signal.SIG_DFL),
    ):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What is said while hostile names are tried may hold halves of letters, which no process can send to another."""
    report = yield
    report.sections = [(title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections]
    return report


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches, settings and autosaves of a test stay in its own temporary folder; what was said of another is not."""
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setattr(keeping, "_told", {})


@pytest.fixture
def file_for_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file where the program's folders should be: nobody can write below it, not even root."""
    home = tmp_path / "home"
    home.write_text("")
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def real_models() -> Path:
    """The folder of trained models made by others; the test skips where it is absent."""
    here = Path(os.environ.get("LATENT_EXPLORER_REAL", Path(__file__).resolve().parents[2] / "shared" / "real"))
    if not here.is_dir():
        pytest.skip("the folder of real trained models is absent (set LATENT_EXPLORER_REAL)")
    return here
