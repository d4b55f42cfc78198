"""Scores kept in a model's card, with the command that gives them again."""

from __future__ import annotations

import json
from pathlib import Path

from explorer.checkpoint import read_card
from explorer.errors import ExportError
from explorer.files import atomic_write
from explorer.scene.cards import ModelCard
from explorer.scene.measures import MeasureOptions, MeasureReport

CARD = "card.json"
DIGITS = 4  # significant ones; more are not the same on another machine


def keep(report: MeasureReport, options: MeasureOptions, card: ModelCard) -> Path:
    """Write the report's scores into ``card.json`` as ``measures``, in place of those of the same options; returns the
    file. Raises :class:`ExportError` for a model without such a card, and :class:`ModelError` for a damaged one."""
    folder = Path(card.path)
    if not (folder / CARD).is_file():
        raise ExportError(f"'{card.name}' has no {CARD} to keep its measures in; write them to a file with -o instead.")
    found = read_card(folder)
    entry = {
        "command": command(report, options),
        "world": report.world,
        "n": report.n,
        "seed": report.seed,
        "fingerprint": report.fingerprint,
        "scores": {
            name: {"value": _rounded(score.value), "null": _rounded(score.null), "n": score.n}
            | ({"baselines": _all_rounded(score.baselines)} if score.baselines else {})
            for name, score in report.metrics.items()
        },
    }
    others = [kept for kept in found.get("measures", []) if kept.get("command") != entry["command"]]
    text = json.dumps({**found, "measures": [*others, entry]}, indent=2, ensure_ascii=False)
    atomic_write(folder / CARD, (text + "\n").encode())
    return folder / CARD


def command(report: MeasureReport, options: MeasureOptions) -> str:
    """What to type for the same report."""
    words = ["latent-explorer", "measure", report.model, "-n", str(options.n), "--seed", str(options.seed)]
    words += ["--world", options.world] if options.world else []
    words += ["--sampling", options.sampling] if options.sampling != "independent" else []
    words += ["--selection", options.selection] if options.selection != "all" else []
    if report.rotation is not None:
        turned = report.rotation
        words += ["--rotate", f"{turned.first},{turned.second},{turned.degrees:g}"]
    words += ["--measures", ",".join(options.measures)] if options.measures else []
    words += ["--quick"] if options.quick else []
    return " ".join(words)


def _all_rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: _rounded(value) for name, value in values.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
