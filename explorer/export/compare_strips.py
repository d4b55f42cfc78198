"""Strips: one picture moved along one direction of each method, in steps of equal visible change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.engine.engine import Engine
from explorer.export.compose import Frame, rgb, scaled
from explorer.generators.base import Progress
from explorer.scene.compare_text import matched
from explorer.scene.comparison import CompareReport, Direction, MethodResult
from explorer.scene.model import Edit, Seed, Start, View

STEPS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""The columns of a strip, in calibrated units: 1 changes a picture by tau on average."""

TALLEST = 96  # pixels of a picture in a strip
ROWS = 8
_GAP = 2


@dataclass(frozen=True)
class Strip:
    """One direction of one method: ``picture`` (H, W, 3) shows ``seed`` at :data:`STEPS`, turned round where that makes
    it agree with its row; None where the direction has no effect."""

    result: MethodResult
    direction: Direction
    picture: Frame | None


def strips(
    engine: Engine, report: CompareReport, seed: int = 0, progress: Progress | None = None
) -> list[list[Strip | None]]:
    """For each of the first :data:`ROWS` common rows a strip of every method (None where it has none there), in the
    order of ``report.methods``; all begin at the untruncated point ``seed``.
    """
    rows = matched(report)[:ROWS]
    found: list[list[Strip | None]] = []
    for index, row in enumerate(rows):
        if progress is not None:
            progress(index / len(rows))
        found.append(
            [
                Strip(result, one, _picture(engine, report, result, one, seed)) if one is not None else None
                for result, one in zip(report.methods, row, strict=True)
            ]
        )
    if progress is not None:
        progress(1.0)
    return found


def _picture(engine: Engine, report: CompareReport, result: MethodResult, one: Direction, seed: int) -> Frame | None:
    if one.alpha is None:
        return None
    views = [
        View(
            model=report.model,
            start=Start(Seed(seed)),
            controls=result.controls,
            edits=(Edit(one.name, share * one.alpha * one.sign),) if share else (),
        )
        for share in STEPS
    ]
    height = min(engine.generator(report.model).card.size[0], TALLEST)
    frames = [rgb(picture.bgrx) for picture in engine.render(views, height=height)]
    frames = [scaled(frame, TALLEST) if frame.shape[0] > TALLEST else frame for frame in frames]
    height, width = frames[0].shape[:2]
    strip = np.full((height, len(frames) * (width + _GAP) - _GAP, 3), 255, np.uint8)
    for index, frame in enumerate(frames):
        left = index * (width + _GAP)
        strip[:, left : left + width] = frame
    return strip
