"""Hostile files, opened and counted.

python -m tests.hostile 10000
python -m tests.hostile --kind "graph in dot" --case 37
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.hostile.harness import KEPT, run, shared_out, table


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("count", nargs="?", type=int, default=10_000, help="how many cases, of all kinds alike")
    parser.add_argument("--kind", action="append", default=[], help="kinds whose names hold this text alone")
    parser.add_argument("--case", type=int, help="this case alone, whose file is kept")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case of every kind")
    parser.add_argument("--workers", type=int, default=0, help="how many processes")
    parser.add_argument("--faults", type=Path, help="a file for the faults, grouped by kind")
    chosen = parser.parse_args(arguments)
    if chosen.case is not None:
        return _one(chosen.kind, chosen.case)
    start = time.monotonic()
    rows = run(shared_out(chosen.count, chosen.first, chosen.kind), chosen.workers)
    for line in table(rows):
        print(line)
    cases = sum(row.cases for row in rows.values())
    faults = sum(len(row.faults) for row in rows.values())
    opened, refused = (sum(row.outcomes[how] for row in rows.values()) for how in ("opened", "refused"))
    seconds = sum(row.total for row in rows.values())
    slowest, memory = max(row.slowest for row in rows.values()), max(row.memory for row in rows.values()) >> 20
    print(
        f"{cases} cases in {time.monotonic() - start:.0f} s ({seconds:.0f} s of CPU): {opened} opened, "
        f"{refused} refused, {faults} faults; slowest {slowest:.2f} s of CPU, at most {memory} MB beyond the files"
    )
    listed = []
    for name, row in rows.items():
        groups: dict[str, list[tuple[int, str, str]]] = {}
        for number, what, fault, text in row.faults:
            groups.setdefault(fault, []).append((number, what, text))
        for fault, those in sorted(groups.items(), key=lambda one: -len(one[1])):
            number, what, text = those[0]
            listed.append(
                f'- **{name}**: {fault} ({len(those)} ×); {what}; `--kind "{name}" --case {number}`; {text!r}'[:500]
            )
    print("\n".join(listed))
    if chosen.faults:
        chosen.faults.write_text("\n".join([*table(rows), "", *listed]) + "\n")
    return 1 if faults else 0


def _one(kinds: list[str], number: int) -> int:
    (name,) = kinds
    place = Path(tempfile.mkdtemp(prefix="hostile-case-"))
    os.environ[KEPT] = str(place)
    row = run({name: [number]}, 1)[name]
    print(f"{name}, case {number}: {dict(row.outcomes)}, {row.slowest:.2f} s of CPU, {row.memory >> 20} MB")
    for _, what, fault, text in row.faults:
        print(f"{what}: {fault}: {text}")
    print(f"its files are in '{place / 'case'}'")
    return 1 if row.faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
