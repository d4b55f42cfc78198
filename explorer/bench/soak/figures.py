"""What a soak has shown: figures of the diary that it wrote, and what of them is not as it should be."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

FLAT = 0.05
"""By how much the memory of the end may differ from that after the warm-up."""
PARTS = 5
"""The events in fifths: the first is the warm-up, the second is what the last is compared with. Of events and not of
time, for on a busy machine there are few of them in a while, and they are what fills caches."""
THREADS = 22
"""Workers that the engine may have (:class:`explorer.service.jobs.Jobs`): it starts each of them when it is first
needed, so that many threads more are no growth."""
PROCESSES = ("window", "engine")
HELD = ("descriptors", "shared", "objects")


def of(diary: dict[str, Any], differences: Sequence[int], kinds: Sequence[str]) -> dict[str, Any]:
    """The figures of a ``diary`` (:class:`explorer.bench.soak.script.Diary`). ``differences``: of the last pictures, in
    levels of 256; ``kinds``: the names of all events.

    ``memory_mb``: of each process the medians of its samples in the second fifth and in the last fifth of the events,
    and ``growth``, by which share the latter is larger. ``held``: of each process what it held in the first rest after
    the warm-up, and in the last.
    """
    rests, times, events = diary["rests"], diary["times"], diary["events"]
    fifths = [times[len(times) * part // PARTS] for part in range(PARTS)] + [diary["seconds"]]
    memory = {
        name: _medians([(sample[0], sample[1 + at]) for sample in diary["samples"]], fifths)
        for at, name in enumerate(PROCESSES)
    }
    after = next((at for at, rest in enumerate(rests[:-1]) if rest["seconds"] >= fifths[1]), 0)
    warm = set(events[: len(events) // PARTS])
    return {
        "seconds": round(diary["seconds"], 1),
        "events": len(events),
        "kinds": dict(Counter(events)),
        "late_kinds": sorted(set(kinds) - warm),
        "rests": len(rests),
        "memory_mb": memory,
        "held": {name: {"first": rests[after][name], "last": rests[-1][name]} for name in PROCESSES},
        "differences": list(differences),
        "failures": diary["failures"],
    }


def _medians(samples: Sequence[tuple[float, int]], fifths: Sequence[float]) -> dict[str, float]:
    """Of (seconds, bytes); ``fifths``: the seconds at which they begin, and the end."""

    def median(part: int) -> float:
        begin, end = fifths[part : part + 2]
        return statistics.median([size for seconds, size in samples if begin <= seconds <= end] or [0])

    second, last = median(1), median(PARTS - 1)
    return {
        "second_fifth": round(second / 1e6, 1),
        "last_fifth": round(last / 1e6, 1),
        "growth": round(last / second - 1, 4) if second else 0.0,
    }


def problems(figures: dict[str, Any]) -> list[str]:
    """What is not as it should be, a sentence each; memory is judged by itself (:func:`not_flat`)."""
    told = [f"An unexpected sentence after {failure}" for failure in figures["failures"]]
    if any(figures["differences"]):
        told.append(f"The last pictures differ from those of a fresh engine by {figures['differences']} levels of 256.")
    for name, held in figures["held"].items():
        first, last = held["first"], held["last"]
        told += [
            f"The {name} holds {last[what]} {what} in the end and held {first[what]} before."
            for what in HELD
            if last[what] > first[what]
        ]
        if last["threads"] > first["threads"] + THREADS * (name == "engine"):
            told.append(f"The {name} has {last['threads']} threads in the end and had {first['threads']} before.")
    return told


def not_flat(figures: dict[str, Any]) -> list[str]:
    """Of which process the memory is not flat, and whether the warm-up was one; a sentence each."""
    told = [
        f"The memory of the {name} was {memory['second_fifth']} MB and is {memory['last_fifth']} MB in the last fifth."
        for name, memory in figures["memory_mb"].items()
        if abs(memory["growth"]) > FLAT
    ]
    if figures["late_kinds"]:
        told.append(f"The first fifth was no warm-up: it had no {', no '.join(figures['late_kinds'])}.")
    return told
