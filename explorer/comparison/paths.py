"""The paths along which controls lead points in their own space: how they agree with the truth, how they bend, whether
they lead back, and whether their order matters. All in float64 and from moves alone, so for every kind of control."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from explorer.comparison.calibration import signs_of
from explorer.controls.base import WEIGHTS, Control, Joint, Move, StartBound
from explorer.controls.scaled import unscaled
from explorer.generators.base import Generator, KnownTruth, Latent, Progress
from explorer.generators.editing import rows_of
from explorer.metrics.direction_evidence import Floats, Integers
from explorer.metrics.guards import joined

SEGMENTS = 16
"""Of a path between -1 and 1 calibrated step. Its velocity in the middle of each is the difference of the ends, which
exists where a control jumps or bends, and is off by the square of a segment where it is smooth."""

POSITIONS = np.linspace(-1.0, 1.0, 2 * SEGMENTS + 1)  # ends and middles
WALKED_BASES = 24
"""Base codes at which paths are walked, and back, where no truth asks for all: each curve is computed anew."""

ORDERED_BASES = 8  # at which pairs are tried in both orders: 2 K (K - 1) / 2 more curves each
MOST_NUMBERS = 2**22  # that positions held at once are made of

ROUNDING = 1e-9
"""A share of a path's length that is smaller is what float64 leaves of 0."""

IN_TURN = "one after the other, though the program moves them together, where their order does not matter"


@dataclass(frozen=True)
class Paths:
    """By N base codes and K controls; NaN where a control has no effect or moves no point.

    ``truth`` (N, K, J): the mean |cos| of the velocity with each true direction, both at the point where the move is,
    weighted by the speed; None where the truth is not known or lies in another space. ``bends`` (N, K): 1 - chord / arc
    of the path. ``returns`` (N, K): how far from its start a point ends that goes one step and then one back, over the
    length of the way there, the mean (by length) of the signs that the control has. ``orders`` (N, P): the distance
    between the ends of the two orders of a pair, over the mean length of its two ways.
    """

    truth: Floats | None
    bends: Floats
    returns: Floats
    orders: Floats
    notes: dict[str, str]
    """By column of the table."""


def walked(
    generator: Generator,
    points: Latent,
    controls: Sequence[Control],
    alphas: Floats,
    pairs: Integers,
    progress: Progress | None = None,
) -> Paths:
    """The paths of ``controls`` at ``points``, in calibrated steps of ``alphas`` (K,) (NaN: none). Of the ``pairs``
    (P, 2) those whose two controls move one space are tried in both orders. NaN beyond the first points that are tried
    (:data:`WALKED_BASES`, :data:`ORDERED_BASES`)."""
    shape = (points.batch, len(controls))
    walk = _Walk(generator, points, controls, alphas)
    bends, returns = np.full(shape, np.nan), np.full(shape, np.nan)
    truth = walk.no_truth()
    count = points.batch if truth is not None else min(WALKED_BASES, points.batch)
    ends: dict[int, Tensor] = {}
    lengths = np.full(shape, np.nan)
    with torch.no_grad():
        for place, k in enumerate(walk.moving):
            if progress is not None:
                progress(place / (2 * len(walk.moving)))
            last = []
            for rows, path in walk.paths(k, count):
                arcs = _lengths(path)
                whole, half = arcs.sum(1), arcs.shape[1] // 2
                chords = (path[:, -1] - path[:, 0]).norm(dim=1)
                bends[rows, k] = _share(whole - chords, whole)
                back = slice(rows.start, min(rows.stop, WALKED_BASES))
                few = max(0, back.stop - back.start)
                if few:
                    misses = [walk.missed(k, back, path[:few], sign) for sign in signs_of(controls[k])]
                    returns[back, k] = _share(torch.stack(misses).sum(0), whole[:few])
                if truth is not None:
                    truth[rows, k] = walk.cosines(path)
                lengths[rows, k] = arcs[:, half:].sum(1).cpu().numpy()
                last.append(path[:, -1].cpu())
            ends[k] = torch.cat(last)[:ORDERED_BASES]
        orders = walk.orders(pairs, ends, lengths[:ORDERED_BASES], progress)
    return Paths(truth, bends, returns, orders, _notes(points.batch, count, controls))


def _notes(bases: int, walked_bases: int, controls: Sequence[Control]) -> dict[str, str]:
    def at(count: int, what: str = "") -> str:
        return f"{what}at {count} base codes" if bases > count else ""

    joint = any(isinstance(unscaled(Move(one, torch.zeros(1))).control, Joint) for one in controls)
    return {
        "nonlinearity": at(walked_bases),
        "round_trip": at(WALKED_BASES),
        "order_dependence": joined(at(ORDERED_BASES, "pairs "), IN_TURN if joint else ""),
    }


class _Walk:
    """The starts of the controls, and the moves from there."""

    def __init__(self, generator: Generator, points: Latent, controls: Sequence[Control], alphas: Floats) -> None:
        self.generator, self.points, self.controls, self.alphas = generator, points, controls, alphas
        self.moving = [k for k, one in enumerate(controls) if np.isfinite(alphas[k]) and one.card.space != WEIGHTS]
        self._starts: dict[str, Latent] = {}

    def no_truth(self) -> Floats | None:
        """(N, K, J) of NaN; None where nothing can be said of the truth."""
        generator = self.generator
        first = next(iter(generator.card.spaces))
        known = "true_directions" in generator.card.capabilities
        if not known or any(one.card.space != first for one in self.controls):
            return None
        count = len(cast("KnownTruth", generator).true_directions())
        return np.full((self.points.batch, len(self.controls), count), np.nan)

    def paths(self, k: int, count: int) -> Iterator[tuple[slice, Tensor]]:
        """Some of the first ``count`` rows at once, and where control ``k`` leads them: (rows, positions, d)."""
        start = self._start(k)
        width = start.tensors[self.controls[k].card.space][0].numel()
        at_once = max(1, MOST_NUMBERS // (width * len(POSITIONS)))
        amounts = torch.from_numpy(POSITIONS) * float(self.alphas[k])
        for first in range(0, count, at_once):
            rows = slice(first, min(first + at_once, count))
            some = rows.stop - rows.start
            # Base code by base code, because curves are kept by where they start.
            each = torch.arange(rows.start, rows.stop).repeat_interleave(len(amounts))
            yield rows, self._moved(k, rows_of(start, each), amounts.repeat(some)).reshape(some, len(amounts), -1)

    def missed(self, k: int, rows: slice, path: Tensor, sign: int) -> Tensor:
        """(rows,) how far from its start a step of ``sign`` and one back lead."""
        end = path[:, -1 if sign > 0 else 0]
        amounts = torch.full((len(path),), -sign * float(self.alphas[k]), dtype=torch.float64)
        back = self._moved(k, self._latent(k, end, rows), amounts)
        misses: Tensor = (back - path[:, len(POSITIONS) // 2]).norm(dim=1)
        return misses

    def cosines(self, path: Tensor) -> Floats:
        """(rows, J) of ``path`` (rows, positions, d) in the first space."""
        generator = self.generator
        first, card = next(iter(generator.card.spaces.items()))
        steps = path[:, 2::2] - path[:, :-2:2]
        middles = path[:, 1::2]
        at = Latent({first: middles.reshape(-1, *card.shape)})
        true = cast("KnownTruth", generator).true_directions(at).to(steps).flatten(2)
        true = true / true.norm(dim=2, keepdim=True).clamp_min(1e-300)
        along = torch.einsum("nd,njd->nj", steps.flatten(0, 1), true).abs().reshape(*steps.shape[:2], -1).sum(1)
        return _quotient(along, steps.norm(dim=2).sum(1)[:, None])

    def orders(self, pairs: Integers, ends: dict[int, Tensor], lengths: Floats, progress: Progress | None) -> Floats:
        """(N, P), NaN beyond the ``lengths`` (rows, K). ``ends``: where a step along each control ends."""
        spaces = [one.card.space for one in self.controls]
        tried = [p for p, (i, j) in enumerate(pairs) if i in ends and j in ends and spaces[i] == spaces[j]]
        count, gaps = len(lengths), np.full((self.points.batch, len(pairs)), np.nan)
        reached: dict[tuple[int, int], Tensor] = {}  # (first control, then) → where both lead
        for place, k in enumerate(self.moving):
            if progress is not None:
                progress(0.5 + place / (2 * len(self.moving)))
            others = [int(i if j == k else j) for i, j in pairs[tried] if k in (i, j)]
            for other in others:
                amounts = torch.full((count,), float(self.alphas[k]), dtype=torch.float64)
                start = self._latent(k, ends[other], slice(0, count))
                reached[other, k] = self._moved(k, start, amounts).cpu()
        for p in tried:
            i, j = (int(one) for one in pairs[p])
            gap = (reached[i, j] - reached[j, i]).norm(dim=1)
            gaps[:count, p] = _share(gap, torch.from_numpy((lengths[:, i] + lengths[:, j]) / 2))
        return gaps

    def _start(self, k: int) -> Latent:
        space = self.controls[k].card.space
        if space not in self._starts:
            self._starts[space] = self.generator.advance(self.points, space)
        return self._starts[space]

    def _latent(self, k: int, ends: Tensor, rows: slice) -> Latent:
        """The points ``ends`` (B, d) in the space of control ``k``; nothing of what lies before it leads there."""
        control = self.controls[k]
        shape = self.generator.card.spaces[control.card.space].shape
        return rows_of(self.points, rows).holding({control.card.space: ends.reshape(-1, *shape)})

    def _moved(self, k: int, start: Latent, amounts: Tensor) -> Tensor:
        """(B, d) float64: the points ``start`` (B) moved by ``amounts`` (B,)."""
        move = unscaled(Move(self.controls[k], amounts))
        control, number = move.control, move.number
        held = start.tensors[control.card.space]
        place = torch.device("cpu")  # some devices have no float64; controls follow the point
        if isinstance(control, StartBound):
            place = self.generator.device
            single = {name: tensor.to(place, torch.float32) for name, tensor in start.tensors.items()}
            control = control.prepare(self.generator, start.holding(single))
        point, number = held.to(place, torch.float64), number.to(place)
        if isinstance(control, Joint):
            return control.move_together(point, [Move(control, number)]).flatten(1).cpu()
        return control.move(point, number).flatten(1).cpu()


def _lengths(path: Tensor) -> Tensor:
    """(rows, positions - 1) how far it is from each position to the next."""
    steps: Tensor = (path[:, 1:] - path[:, :-1]).norm(dim=2)
    return steps


def _share(part: Tensor, whole: Tensor) -> Floats:
    """``part`` / ``whole``, 0 where that is rounding; NaN where there is no whole."""
    found = _quotient(part, whole)
    return np.where(np.abs(found) < ROUNDING, 0.0, found)


def _quotient(part: Tensor, whole: Tensor) -> Floats:
    above, below = part.cpu().numpy(), np.broadcast_to(whole.cpu().numpy(), part.shape)
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))
