"""Small models of every family, broken at random, opened and drawn: what they make the program do is counted.

    python -m tests.generators.mutated_files 10000

opens so many, in processes of their own, so that one that dies is counted and the others go on.
"""

from __future__ import annotations

import copy
import faulthandler
import importlib
import json
import os
import pkgutil
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

TESTS = Path(__file__).parents[1]
PATHS = [str(TESTS.parent), str(TESTS), str(TESTS / "generators")]
WORK = "work"
LIMIT = 300 << 20
"""Bytes of memory beyond those of the file."""
ADDRESSES = 16 << 30
"""Bytes of the address space of such a process."""
SLOW = 60.0
"""Seconds after which a model counts as hung."""
OWN = ("explorer", "torch", "diffusers", "transformers", "safetensors", "numpy", "onnxruntime", "huggingface_hub")
"""Whose modules may be imported when a model is opened: what the program is made of."""
HARMFUL = ("os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "subprocess.", "pty.spawn")
FOREIGN = ("socket.", "ctypes.dlopen", "marshal.", "code.", "webbrowser.", "urllib.", "ftplib.", "smtplib.")
WORDS = ("", "..", "/etc/passwd", "../../x", "os.system", "nan", "\u0000", "z" * 3000)
NUMBERS = (0, -1, 1, 2, 7, 255, 2**31 - 1, 2**31, 2**63 - 1, 10**30, 1.5, -0.0, 1e308)


@dataclass
class Report:
    """What came of some models. ``harm``: what none may do, and which did it; ``memory``: bytes by which the process
    grew while it opened one."""

    models: int = 0
    opened: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    harm: list[str] = field(default_factory=list)
    memory: int = 0
    largest: int = 0
    slowest: float = 0.0

    def add(self, other: Report) -> None:
        self.models += other.models
        self.opened += other.opened
        self.refused += other.refused
        for mine, more in ((self.crashes, other.crashes), (self.imports, other.imports),
                           (self.processes, other.processes), (self.harm, other.harm)):  # fmt: skip
            mine += more
        self.memory, self.largest = max(self.memory, other.memory), max(self.largest, other.largest)
        self.slowest = max(self.slowest, other.slowest)

    @property
    def is_good(self) -> bool:
        return not (self.crashes or self.imports or self.processes or self.harm) and self.memory <= self.largest + LIMIT


# --- breaking ------------------------------------------------------------------------------------------------------


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """``data`` with a few places changed, cut out, repeated, or cut short."""
    found = bytearray(data)
    for _ in range(int(random.integers(1, 8))):
        if not found:
            return b""
        place = int(random.integers(len(found)))
        if random.random() < 0.5:  # where formats say what is what
            place = min(place, int(random.integers(1, 4096)) % len(found))
        length = int(random.integers(1, 60))
        match int(random.integers(8)):
            case 0 | 1:
                found[place] ^= 1 << int(random.integers(8))
            case 2 | 3:
                found[place] = int(random.integers(256))
            case 4:
                del found[place : place + length]
            case 5:
                other = int(random.integers(len(found)))
                found[place:place] = found[other : other + length]
            case 6:
                found[place : place + 8] = b"\xff" * int(random.integers(1, 9))
            case 7 if random.random() < 0.2:
                del found[place:]
    return bytes(found)


def mutated_json(content: Any, random: np.random.Generator) -> Any:
    """``content`` with one value anywhere in it become another, gone, or under another name."""
    places: list[tuple[Any, Any]] = []
    stack = [content]
    while stack:
        one = stack.pop()
        inside = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, value in inside:
            places.append((one, key))
            stack.append(value)
    if not places:
        return [content]
    holder, key = places[int(random.integers(len(places)))]
    match int(random.integers(6)):
        case 0:
            holder[key] = NUMBERS[int(random.integers(len(NUMBERS)))]
        case 1:
            holder[key] = WORDS[int(random.integers(len(WORDS)))]
        case 2:
            holder[key] = [None, True, [], {}, [holder[key]], {"a": holder[key]}][int(random.integers(6))]
        case 3:
            del holder[key]
        case 4 if isinstance(holder, dict):
            holder[WORDS[int(random.integers(len(WORDS)))]] = holder.pop(key)
        case _:
            other, own = places[int(random.integers(len(places)))]
            there = own in (other if isinstance(other, dict) else range(len(other)))
            holder[key] = copy.deepcopy(other[own]) if there else None
    return content


def break_model(folder: Path, random: np.random.Generator) -> str:
    """Change one file of the model in ``folder``; which, and how."""
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    file = files[int(random.integers(len(files)))]
    data = file.read_bytes()
    if file.suffix == ".json" and random.random() < 0.7:
        changed = json.loads(data)
        for _ in range(int(random.integers(1, 4))):
            changed = mutated_json(changed, random)
        file.write_text(json.dumps(changed))
        return f"{file.relative_to(folder)} (values)"
    file.write_bytes(mutated(data, random))
    return str(file.relative_to(folder))


# --- counting ------------------------------------------------------------------------------------------------------


class Audit:
    """Hears what the interpreter does, from the moment that a model is named."""

    def __init__(self) -> None:
        self.model = ""
        self.report = Report()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.model:
            return
        if event == "import":
            if str(arguments[0]).split(".")[0] not in OWN:
                self.report.imports.append(f"{self.model}: {arguments[0]}")
        elif event.startswith(HARMFUL):
            self.report.processes.append(f"{self.model}: {event}")
        elif event.startswith(FOREIGN):
            self.report.harm.append(f"{self.model}: {event} {arguments[:1]}")
        elif event == "exec" and isinstance(arguments[0], CodeType):
            file = arguments[0].co_filename
            if not file.startswith(("<", sys.prefix, sys.base_prefix, str(TESTS.parent))):
                self.report.harm.append(f"{self.model}: runs {file}")
        elif event == "open" and _writes(arguments[0], arguments[2]):
            self.report.harm.append(f"{self.model}: writes {arguments[0]}")


def _writes(path: object, flags: object) -> bool:
    writing = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return writing and isinstance(path, str) and path != os.devnull


def peak() -> int:
    """Bytes of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_and_draw(path: Path) -> bool:
    """Whether the model opens and draws. What is not one of the program's own sentences passes through."""
    import torch

    from explorer.errors import ExplorerError
    from explorer.generators import registry
    from explorer.scene.model import Quality

    try:
        generator = registry.load(str(path), torch.device("cpu"))
        with torch.no_grad():
            generator.render(generator.sample([0]), Quality(steps=1))
    except ExplorerError as error:
        if "\n" in str(error) or not str(error):
            raise ValueError(f"not one sentence: {error}") from error
        return False
    return True


def _import_all() -> None:
    """Every module of the program but the window's and the commands': what one imports late, when a file is refused,
    would be counted as bytecode that the file brought."""
    import explorer

    for module in pkgutil.walk_packages(explorer.__path__, "explorer."):
        if not module.name.startswith(("explorer.ui", "explorer.cli", "explorer.__main__", "explorer.bench")):
            importlib.import_module(module.name)


def work(first: int, count: int) -> None:
    """Open the models ``first`` to ``first + count``; a line for each that is begun, and the report at the end."""
    from test_specimens import TINY

    from explorer.files import package_folder

    _import_all()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))  # a file that asks for all memory gets less
    with tempfile.TemporaryDirectory() as place:
        # A QLAE's codes have to ascend, which those of random weights do not.
        shipped = package_folder("models") / "shapes-qlae"
        writers = {**TINY, "qlae": (lambda folder: shutil.copytree(shipped, folder),)}
        whole: dict[str, list[Path]] = {family: [] for family in writers}
        for family, kinds in writers.items():
            for number, write in enumerate(kinds):
                folder = Path(place) / "whole" / f"{family} {number}"
                folder.parent.mkdir(exist_ok=True)
                write(folder)
                if not open_and_draw(folder):  # and whatever is imported late is imported now
                    raise ValueError(f"{folder.name} does not open as it is")
                whole[family].append(folder)
        audit = Audit()
        broken = Path(place) / "broken"
        for index in range(first, first + count):
            random = np.random.default_rng([2026, index])
            kinds_of = list(whole.values())[index % len(whole)]  # every family as often
            source = kinds_of[index // len(whole) % len(kinds_of)]
            shutil.copytree(source, broken)
            what = f"model {index}, {source.name}: {break_model(broken, random)}"
            print(what, flush=True)
            size, before, start = sum(one.stat().st_size for one in broken.rglob("*")), peak(), time.monotonic()
            faulthandler.dump_traceback_later(SLOW, exit=True)
            audit.model = what
            try:
                opens = open_and_draw(broken)
                audit.report.opened += opens
                audit.report.refused += not opens
            except Exception as error:  # noqa: BLE001  # whatever it is, it is counted
                audit.model = ""
                audit.report.crashes.append(f"{what}: {type(error).__name__}: {error}"[:600])
            audit.model = ""
            faulthandler.cancel_dump_traceback_later()
            if peak() - before > size + LIMIT:
                audit.report.harm.append(f"{what}: took {(peak() - before) >> 20} MB")
            audit.report.memory = max(audit.report.memory, peak() - before)
            audit.report.largest = max(audit.report.largest, size)
            audit.report.slowest = max(audit.report.slowest, time.monotonic() - start)
            shutil.rmtree(broken)
    audit.report.models = count
    print(json.dumps(asdict(audit.report)), flush=True)


def run(count: int, first: int = 0) -> Report:
    """Open ``count`` models from number ``first``, in as many processes as there are cores, four at most."""
    workers = max(1, min(4, os.cpu_count() or 1, count // 250))
    ends = [first + count * part // workers for part in range(workers + 1)]
    total = Report()
    with ThreadPoolExecutor(workers) as pool:
        for report in pool.map(_run_share, ends, ends[1:]):
            total.add(report)
    return total


def _run_share(index: int, end: int) -> Report:
    """The models ``index`` to ``end``; where the process ends before, that counts as a crash, and another goes on
    behind the model that ended it."""
    total = Report()
    while index < end:
        told = subprocess.run(
            [sys.executable, __file__, WORK, str(index), str(end - index)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(PATHS), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            check=False,
        )
        lines = told.stdout.splitlines()
        if told.returncode == 0:
            total.add(Report(**json.loads(lines[-1])))
            return total
        begun = [line for line in lines if line.startswith("model ")]
        if not begun:
            raise RuntimeError(told.stderr)
        done = int(begun[-1].split()[1].rstrip(",")) + 1 - index
        last = f"{begun[-1]}: the process ended with {told.returncode}: {told.stderr[-1500:]}"
        total.add(Report(models=done, crashes=[last]))
        index += done
    return total


def main(arguments: list[str]) -> int:
    start = time.monotonic()
    report = run(*map(int, arguments))
    print(
        f"{report.models} models in {time.monotonic() - start:.0f} s: {report.opened} opened, {report.refused} refused"
    )
    print(
        f"{len(report.crashes)} crashes, {len(report.imports)} foreign imports, {len(report.processes)} processes, ",
        end="",
    )
    print(f"{len(report.harm)} of other harm; at most {report.memory >> 20} MB for one; slowest {report.slowest:.1f} s")
    for line in report.crashes + report.imports + report.processes + report.harm:
        print(line)
    return 0 if report.is_good else 1


if __name__ == "__main__":
    if sys.argv[1:2] == [WORK]:
        work(int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(main(sys.argv[1:] or ["10000"]))
