"""What a measure cannot be taken on: factors that do not vary in these pictures, too few latents or factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from explorer.metrics.base import Codes, Outcome


def varying(data: Codes) -> tuple[Codes, str]:
    """``data`` without the factors that have one value in it, and a note that names them, or ''."""
    moves = (data.labels != data.labels[:1]).any(axis=0)
    if moves.all():
        return data, ""
    still = ", ".join(name for name, moving in zip(data.factors, moves, strict=True) if not moving)
    factors = tuple(name for name, moving in zip(data.factors, moves, strict=True) if moving)
    return replace(data, labels=data.labels[:, moves], factors=factors), f"without {still}: one value here"


def lacking(data: Codes, latents: int = 1, factors: int = 1) -> str:
    """Why ``data`` cannot be measured by what needs this many latents and varying factors, or ''."""
    if len(data.latents) < latents:
        return f"not defined for {_count(len(data.latents), 'latent')}: it needs {latents}"
    if len(data.factors) < factors:
        return f"not defined for {_count(len(data.factors), 'varying factor')}: it needs {factors}"
    return ""


def undefined(titles: Mapping[str, str], note: str) -> dict[str, Outcome]:
    """Every number of a measure as not defined, with the reason."""
    return {name: Outcome(None, title, note=note) for name, title in titles.items()}


def joined(*notes: str) -> str:
    """The notes that say something, in one line."""
    return "; ".join(note for note in notes if note)


def by_name(names: tuple[str, ...], values: np.ndarray) -> dict[str, float | None]:
    """Parts of a number by the name of the latent or factor; what is not finite is None."""
    return {name: float(v) if np.isfinite(v) else None for name, v in zip(names, values, strict=True)}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
