"""What the harness of hostile files counts: it hears every sort of harm, and its files are broken."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.errors import ExplorerError
from tests.hostile import worker
from tests.hostile.cases import Case, make
from tests.hostile.entries import entries
from tests.hostile.entry import Entry, Harm, Refusal, ill_worded
from tests.hostile.measure import Audit
from tests.hostile.mutation import mutated, mutated_json
from tests.hostile.workshop import WORKSHOP

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")


def test_bytes_and_values_are_broken() -> None:
    random = np.random.default_rng(0)
    data = bytes(range(256)) * 4
    assert len({mutated(data, random) for _ in range(50)}) > 45
    told = [mutated_json({"a": [1, 2, {"b": "c"}], "d": None}, random) for _ in range(50)]
    assert len({repr(one) for one in told}) > 10


def test_the_same_number_is_the_same_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKSHOP, str(tmp_path))
    entry = entries()["graph in dot"]
    cases = [make(entry, number, tmp_path / f"case {number}") for number in (*range(40), *range(40))]
    held = [case.path.read_bytes() if case.path.is_file() else b"" for case in cases]
    assert [case.what for case in cases[:40]] == [case.what for case in cases[40:]]
    assert held[:40] == held[40:]
    assert len(set(held)) > 20


def sentence(text: str) -> Callable[[Path], None]:
    def refuse(path: Path) -> None:
        raise Refusal(text)

    return refuse


def raising(error: Exception) -> Callable[[Path], None]:
    def fail(path: Path) -> None:
        raise error

    return fail


def outside(path: Path) -> None:
    Path("/etc/passwd").read_bytes()


def writing(path: Path) -> None:
    path.with_name("new").write_text("x")


def starting(path: Path) -> None:
    subprocess.run(["true"], check=True)


def hungry(path: Path) -> None:
    bytearray(600 << 20)[::4096] = b"x" * (600 << 8)


def showing(path: Path) -> Iterable[str]:
    return ["two\nlines"]


HARM: dict[str, tuple[Callable[[Path], Any], str]] = {
    "an error of Python's": (raising(KeyError("x")), "raises KeyError"),
    "memory that there is not": (raising(MemoryError()), "raises MemoryError"),
    "a sentence that is none": (sentence(" "), "no sentence"),
    "a long sentence": (sentence("x" * 301), "301 characters"),
    "two lines": (sentence("a\nb"), "U+000A"),
    "letters from right to left": (sentence("a\u202eb"), "U+202E"),
    "reading elsewhere": (outside, "reads /etc/passwd"),
    "writing": (writing, "writes "),
    "a process": (starting, "starts a process"),
    "memory": (hungry, " MB"),
    "a text of two lines": (showing, "U+000A"),
    "no picture": (raising(Harm("draws nothing")), "draws nothing"),
}


@pytest.fixture(scope="module")
def audit() -> Audit:
    return Audit()


def tried(what: Callable[[Path], Any], folder: Path, audit: Audit) -> dict[str, Any]:
    folder.mkdir()
    (folder / "a").write_text("a")
    return worker.measured(Entry("one", {}, what), 0, Case(folder / "a", "as it is"), folder, audit)


@pytest.mark.parametrize("harm", HARM)
def test_harm_is_heard(harm: str, audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    what, words = HARM[harm]
    assert any(words in fault for fault in tried(what, tmp_path / "case", audit)["faults"])


def test_a_slow_case_is_told(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(worker, "SLOW", 0.01)
    done = tried(lambda path: sum(range(3_000_000)) and None, tmp_path / "case", audit)
    assert any(fault.startswith("takes 0.") for fault in done["faults"])


def test_what_is_well_is_no_fault(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_EXPLORER_HOME", str(tmp_path / "home"))
    opens = tried(lambda path: [path.read_text()], tmp_path / "case", audit)
    refuses = tried(raising(ExplorerError("It is none; choose another.")), tmp_path / "other", audit)
    assert (opens["outcome"], opens["faults"]) == ("opened", [])
    assert (refuses["outcome"], refuses["faults"]) == ("refused", [])
    assert ill_worded("It is none; choose another.") == ""
