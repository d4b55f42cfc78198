"""A process that opens cases: told on its input which, a line of JSON for each begun and each done."""

from __future__ import annotations

import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, TextIO

from PIL import Image

from tests.hostile.cases import Case, make, whole
from tests.hostile.entries import entries
from tests.hostile.entry import Entry, Harm, Refusal, ill_worded, unprintable
from tests.hostile.harness import ENDED, KEPT
from tests.hostile.measure import Audit, forget_peak, memory
from tests.hostile.mutation import WORDS
from tests.hostile.workshop import WORKSHOP, workshop

SLOW = 2.0
"""Seconds of CPU that one case may take."""
LARGE = 512 << 20
"""Bytes that a case may take beyond those of its files."""
HUNG = 60.0
"""Seconds after which a case that waits is ended."""
ADDRESSES = 8 << 30
"""Bytes of address space beyond those of the start: a file that asks for all memory gets less."""


def _import_all() -> None:
    """Every module of the program but the window's and the commands': what one imports late, when a file is refused,
    would be counted as bytecode that the file brought."""
    import explorer

    for module in pkgutil.walk_packages(explorer.__path__, "explorer."):
        if not module.name.startswith(("explorer.ui", "explorer.cli", "explorer.__main__", "explorer.bench")):
            importlib.import_module(module.name)
    for name in ("explorer.ui.state.session", "explorer.cli.catalogue"):
        importlib.import_module(name)
    Image.init()


def _bytes_in(folder: Path) -> int:
    return sum(one.lstat().st_size for one in folder.rglob("*") if one.is_file() and not one.is_symlink())


def _named() -> tuple[str, ...]:
    return tuple(os.path.abspath(word) for word in WORDS if "\0" not in word)


def _shared() -> tuple[str, ...]:
    """Where the models are that files are opened on."""
    place = os.environ.get(WORKSHOP)
    return () if place is None else (f"{place}/shared model/",)


def warm(entry: Entry, folder: Path) -> None:
    """Open every valid file of ``entry``, so that whatever is imported late is imported now."""
    for seed in entry.seeds:
        inside, path = whole(entry, seed)
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(inside, folder)
        try:
            entry.open(folder / path.relative_to(inside))
        except Refusal:
            continue
        except Exception as error:
            raise RuntimeError(f"{entry.name}, {seed} does not open as it is: {error}") from error
    gc.collect()
    gc.freeze()


def opened(entry: Entry, path: Path) -> tuple[str, list[str], str]:
    """Outcome, faults, and the sentence or the error."""
    try:
        texts = list(entry.open(path) or ())
    except (Refusal, *_explorer_errors()) as error:
        text = str(error)
        problem = ill_worded(text)
        return "refused", [f"refuses with {problem}"] if problem else [], text[:600]
    except Harm as error:
        return "opened", [str(error)], ""
    except Exception as error:  # noqa: BLE001  # whatever it is, it is counted
        place = _where(error)
        return "foreign", [f"raises {type(error).__name__} in {place}"], f"{type(error).__name__}: {error}"[:400]
    bad = next((problem for text in texts if (problem := unprintable(text))), "")
    return "opened", [f"shows a text with {bad}"] if bad else [], ""


def _explorer_errors() -> tuple[type[Exception], ...]:
    from explorer.errors import ExplorerError

    return (ExplorerError,)


def _where(error: BaseException) -> str:
    """The last line of the program that an error passed."""
    place, traceback = "", error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if "/explorer/" in code.co_filename and "/tests/" not in code.co_filename:
            place = f"{code.co_filename.rpartition('/explorer/')[2]}:{traceback.tb_lineno} {code.co_name}"
        traceback = traceback.tb_next
    return place or "the harness"


def measured(entry: Entry, number: int, case: Case, folder: Path, audit: Audit) -> dict[str, Any]:
    """What came of opening ``case``, which lies in ``folder`` as number ``number`` of ``entry``."""
    size = _bytes_in(folder)
    gc.collect()
    forget_peak()
    before, clock = memory("VmRSS"), time.process_time()
    home = Path(os.environ["LATENT_EXPLORER_HOME"])
    with audit.hearing(folder, home, entry.writes, _named() if entry.names else (), _shared()) as faults:
        outcome, problems, text = opened(entry, case.path)
    seconds = time.process_time() - clock
    grown = max(0, memory("VmHWM") - before - size)
    faults = [*problems, *dict.fromkeys(faults)]
    if seconds > SLOW:
        faults.append(f"takes {seconds:.1f} s")
    if grown > LARGE:
        faults.append(f"takes {grown >> 20} MB")
    told = {"done": number, "what": case.what, "outcome": outcome, "faults": faults[:6], "text": text}
    return {**told, "seconds": seconds, "memory": grown}


def run(entry: Entry, number: int, folder: Path, audit: Audit) -> dict[str, Any]:
    """Make case ``number`` of ``entry``, tell that it begins, and open it; the process ends where that takes too
    long."""
    case = make(entry, number, folder)
    print(json.dumps({"begun": number, "what": case.what}), file=CHANNEL, flush=True)
    faulthandler.dump_traceback_later(HUNG, exit=True)
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + ENDED + 1, resource.RLIM_INFINITY))
    try:
        return measured(entry, number, case, folder, audit)
    finally:
        faulthandler.cancel_dump_traceback_later()
        if not os.environ.get(KEPT):
            shutil.rmtree(folder, ignore_errors=True)


CHANNEL: TextIO = sys.stdout


def main() -> None:
    """Open what the lines of the input name: an entry, and the numbers of cases."""
    global CHANNEL
    # What libraries print is not for the one who counts.
    CHANNEL = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, chain=True)
    warnings.simplefilter("ignore")
    _import_all()
    limit = memory("VmSize") + ADDRESSES
    audit, warmed = Audit(), set()
    with tempfile.TemporaryDirectory(dir=workshop()) as place:
        os.environ["LATENT_EXPLORER_HOME"] = f"{place}/home"
        folder = Path(os.environ.get(KEPT) or place) / "case"
        for line in sys.stdin:
            asked = json.loads(line)
            entry = entries()[asked["entry"]]
            if entry.name not in warmed:
                try:
                    warm(entry, folder)
                except RuntimeError as error:
                    print(json.dumps({"spoilt": str(error)}), file=CHANNEL, flush=True)
                    continue
                warmed.add(entry.name)
                resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            for number in asked["numbers"]:
                print(json.dumps(run(entry, number, folder, audit)), file=CHANNEL, flush=True)
            print(json.dumps({"ready": True}), file=CHANNEL, flush=True)


if __name__ == "__main__":
    main()
