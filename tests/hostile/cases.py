"""Which case is number N of an entry: a valid file, and how it is broken. The same number is the same case."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.hostile.construct import constructions
from tests.hostile.construct.base import Made, Unfit
from tests.hostile.entry import Entry
from tests.hostile.mutation import break_folder
from tests.hostile.workshop import once

SEED = 2026


class Case(NamedTuple):
    """``path``: what is opened; ``what``: how it was broken."""

    path: Path
    what: str


def whole(entry: Entry, seed: str) -> tuple[Path, Path]:
    """The folder of a valid file, written once, and the path of what is opened within it."""
    place = once(f"whole/{entry.name}/{seed}", lambda folder: _written(entry, seed, folder))
    inside = place / "files"
    return inside, inside / (place / "opened").read_text()


def _written(entry: Entry, seed: str, folder: Path) -> None:
    inside = folder / "files"
    inside.mkdir()
    (folder / "opened").write_text(str(entry.seeds[seed](inside).relative_to(inside)))


def make(entry: Entry, number: int, folder: Path) -> Case:
    """Write case ``number`` of ``entry`` into ``folder``, which is made: every other one is constructed, the rest are
    broken at random."""
    random = np.random.default_rng([SEED, zlib.crc32(entry.name.encode()), number])
    seeds = list(entry.seeds)
    half, seed = number // 2, seeds[number // 2 % len(seeds)]
    inside, path = whole(entry, seed)
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(inside, folder, symlinks=True)
    opened = folder / path.relative_to(inside)
    if number % 2 == 0:
        return Case(opened, f"{seed}: {break_folder(folder, random)}")
    made = Made(folder, opened, opened, random)
    possible = [
        (file, one) for file in sorted(folder.rglob("*")) if file.is_file() for one in constructions(file, opened)
    ]
    # Every construction of every file once, in an order of its own, before any comes again.
    order = np.random.default_rng([SEED, zlib.crc32(entry.name.encode()), len(possible)]).permutation(len(possible))
    turn = half // len(seeds)
    for step in range(len(possible)):
        made.file, (name, construct) = possible[int(order[(turn + step) % len(possible)])]
        try:
            construct(made)
        except Unfit:
            continue
        return Case(made.opened, f"{seed}: {made.file.relative_to(folder)} ({name})")
    raise ValueError(f"nothing can be made of {entry.name}, {seed}")
