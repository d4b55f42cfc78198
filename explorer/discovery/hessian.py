"""Hessian penalty and OroJaR: a frame learned so that each of its directions changes the picture independently."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.jacobian import TRUNCATION, without_derivatives
from explorer.discovery.pictures import LARGEST, PictureMap, Spread, spread_of
from explorer.discovery.request import LAYER_SETTINGS, CheckedMethod, Request
from explorer.discovery.trained import Unfinished, learn
from explorer.generators.base import Generator
from explorer.numerics.derivatives import jacobian_columns, off_diagonal_squares, second_differences
from explorer.numerics.linalg import fix_signs, gram_schmidt, random_orthonormal
from explorer.scene.cards import WITHOUT_END, MethodCard, ModelCard, SettingCard
from explorer.scene.model import Scalar

WIDEST = {"hessian": 16, "jacobian": 64}
"""Dimensions in which the frame turns: all, or the leading ones of a wider space. A Hessian of m needs m² pictures."""
POINTS = {"hessian": 32, "jacobian": 40}
SAMPLER_POINTS = {"hessian": 6, "jacobian": 10}
HELD_OUT = 5  # one point of so many is kept to tell how far the frame holds where it was not learned
SIZE = 16
"""Pixels a side to which pictures are averaged before second differences: each pixel keeps a number a pair of axes."""
PROBES_PER_DIMENSION = 4
MEASURED = "measured"
"""The part of an unfinished search that holds its matrices."""


@dataclass(frozen=True)
class Curvature:
    """Derivatives at N points within m directions. ``gram`` (N, m, m) is JᵀJ; ``matrices`` (N, P, m, m) are what the
    frame should make diagonal: JᵀJ itself (P = 1), or the Hessian of every pixel."""

    gram: Tensor
    matrices: Tensor

    def off_diagonal(self, frame: Tensor, points: Tensor | slice = slice(None)) -> Tensor:
        """The share, 0 to 1, of the squared entries off the diagonal once the axes are the columns of ``frame`` (m, m).

        As a turn of all axes leaves the sum of all squared entries as it is, to minimise this share is to minimise the
        penalty, whose expectation over probes of ±1 is, for every matrix, twice the sum of the squares off its
        diagonal.
        """
        some = self.matrices[points]
        turned = frame.T @ some @ frame
        return off_diagonal_squares(turned).sum() / some.square().sum().clamp_min(1e-30)

    def first_estimate(self) -> Tensor:
        """The frame (m, m) of the eigenvectors of the sum of all squared ``matrices``, as columns.

        Where one frame makes all of them diagonal, it makes this sum diagonal too: so it is that frame, but for
        directions of which the sum says the same.
        """
        squares = torch.einsum("npij,npkj->ik", self.matrices, self.matrices)
        frame: Tensor = torch.linalg.eigh(squares.double())[1].to(squares)
        return frame


class Turn(nn.Module):
    """An orthogonal matrix (m, m): the Gram-Schmidt frame of a free one."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.free = nn.Parameter(start.clone())

    def forward(self) -> Tensor:
        """Columns are the frame. The signs of R's diagonal are taken out, so that it follows ``free`` smoothly."""
        return gram_schmidt(self.free)


class HessianPenalty(CheckedMethod):
    """Learns an orthonormal frame that makes Hessians (Peebles et al.), or JᵀJ (Wei et al., OroJaR), diagonal.

    The published programs estimate the sum of squares off the diagonal by random probes at every step, through the
    generator; for a frame of some tens of directions that estimate is too noisy to descend in minutes. Here the
    matrices are measured once, exactly or by differences, and the same sum is minimised without noise.

    In a space wider than the frame, the frame turns within the leading directions of the mean JᵀJ: directions that
    change nothing would meet the penalty best.
    """

    card = MethodCard(
        name="hessian",
        title="Hessian penalty / OroJaR",
        spaces=("z", "w", "w_plus", "x_T", "h"),
        trained=True,
        paper="Peebles et al., The Hessian Penalty, ECCV 2020; Wei et al., Orthogonal Jacobian Regularization for "
        "Unsupervised Disentanglement in Image Generation, ICCV 2021",
        description="A frame learned so that its directions change the picture independently of each other.",
        settings=(
            SettingCard(
                name="penalty",
                title="Penalty",
                default="hessian",
                choices=("hessian", "jacobian"),
                help="hessian: how one direction changes the picture does not depend on the others, on pictures "
                "averaged to 16 pixels a side; jacobian: no two directions change the same pixels alike (OroJaR).",
            ),
            SettingCard(name="steps", title="Steps", default=600, low=1, high=1_000_000),
            SettingCard(
                name="batch", title="Batch", default=8, low=1, high=4096, help="Points in each step of the learning."
            ),
            SettingCard(name="learning_rate", title="Learning rate", default=0.02, low=1e-6, high=1.0),
            SettingCard(
                name="epsilon",
                title="Epsilon",
                default=0.1,
                low=1e-3,
                high=10.0,
                help="Step of the second differences, in deviations of the space (hessian only).",
            ),
            SettingCard(
                name="points",
                title="Points",
                default=0,
                low=0,
                high=10_000,
                empty="by itself",
                help=f"Points at which derivatives are measured; 0: {POINTS['hessian']}, {POINTS['jacobian']} for "
                f"JᵀJ; {SAMPLER_POINTS['hessian']} and {SAMPLER_POINTS['jacobian']} for a diffusion model.",
            ),
            SettingCard(
                name="dimensions",
                title="Dimensions",
                default=0,
                low=0,
                high=512,
                empty="by itself",
                help=f"How many leading dimensions the frame turns in; 0: {WIDEST['hessian']}, {WIDEST['jacobian']} "
                "for JᵀJ.",
            ),
            TRUNCATION,
            *LAYER_SETTINGS,
        ),
        expensive=True,
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        return without_derivatives(model)

    def grows_to(self, model: ModelCard, settings: Mapping[str, Scalar]) -> int:
        """The frame turns in more dimensions where more directions are asked for than it has."""
        dimensions = int(settings["dimensions"]) or WIDEST[str(settings["penalty"])]
        whole = math.prod(model.spaces[self.where(model, settings)].shape)
        return dimensions if dimensions < whole else WITHOUT_END

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The ``k`` learned directions that change pictures most; one unit is one standard deviation of the space."""
        k, seed = asked.k, asked.seed
        penalty = asked.text("penalty")
        unfinished = Unfinished(asked)
        spread, measured = spread_of(generator, asked.space, seed, asked.watch.part(0, 0.05))
        pictures = PictureMap(generator, asked.space, asked.layers, SIZE if penalty == "hessian" else LARGEST)
        basis, found = _measured(asked, pictures, spread, unfinished)
        width = len(basis)
        count = len(found.gram)
        held = max(1, count // HELD_OUT) if count > 1 else 0
        learned, fresh = slice(0, count - held), slice(count - held, count)
        batch = min(asked.number("batch"), count - held)
        turn = Turn(random_orthonormal(width, width, seed).float().to(generator.device))

        def loss(step: int, source: torch.Generator) -> tuple[Tensor, dict[str, float]]:
            rows = torch.randperm(count - held, generator=source)[:batch]
            value = found.off_diagonal(turn(), rows)
            return value, {"off_diagonal": float(value.detach())}

        def shown() -> Sequence[Control]:
            """Of the learned frame, or of the first estimate as long as that is the better one."""
            frames = turn().detach(), found.first_estimate()
            best = min(frames, key=lambda frame: float(found.off_diagonal(frame, learned)))
            return _controls(asked, spread, *_ranked(best, basis, found, k))

        first = turn().detach()
        end = learn(
            replace(asked, watch=asked.watch.part(0.8, 1)),
            (turn,),
            torch.optim.Adam(turn.parameters(), lr=asked.real("learning_rate")),
            loss,
            asked.number("steps"),
            shown,
            unfinished=unfinished,
        )
        with torch.no_grad():
            last = turn()
            before, after = float(found.off_diagonal(first, learned)), float(found.off_diagonal(last, learned))
            told = f"from {before:.0%} to {after:.0%}"
            if held:
                told += f" where it was learned, to {float(found.off_diagonal(last, fresh)):.0%} at {held} fresh points"
        what = "the Hessians" if penalty == "hessian" else "JᵀJ"
        note = f"Off the diagonal of {what}, in {width} dimensions: {told}. {end.note}".strip()
        controls = _controls(asked, spread, *_ranked(last, basis, found, k))
        return asked.found(controls, pictures.calls + measured, note)


def _measured(asked: Request, pictures: PictureMap, spread: Spread, unfinished: Unfinished) -> tuple[Tensor, Curvature]:
    """The rows (m, width) within which the frame turns, and the derivatives there at the points that were asked for.

    What an interrupted search has measured is not measured again. Previews show the first estimate from what there is.
    """
    penalty, watch, device = asked.text("penalty"), asked.watch.part(0.15, 0.8), pictures.generator.device
    usual = SAMPLER_POINTS if "steps" in asked.model.capabilities else POINTS
    count = asked.number("points") or usual[penalty]
    kept = unfinished.parts.get(MEASURED)
    basis: Tensor = _leading(asked, pictures) if kept is None else kept["basis"]
    directions, origin = basis.float().to(device), torch.zeros(pictures.width, device=device)
    points = pictures.points(count, asked.seed + 1, asked.real("truncation"))
    hessians = penalty == "hessian"
    step = asked.real("epsilon") * float(spread.along(basis).mean()) if hessians else pictures.difference_step(spread)
    gram: list[Tensor] = []
    matrices: list[Tensor] = []
    if kept is not None:
        gram, matrices = list(kept["gram"].to(device)), list(kept["matrices"].to(device))
        pictures.calls = kept["pictures"]

    def so_far() -> Curvature:
        return Curvature(torch.stack(gram), torch.stack(matrices))

    def keep(found: Curvature) -> None:
        parts = {"basis": basis, "gram": found.gram, "matrices": found.matrices, "pictures": pictures.calls}
        unfinished.parts[MEASURED] = parts
        unfinished.keep()

    def estimated() -> ControlSet:
        found = so_far()
        controls = _controls(asked, spread, *_ranked(found.first_estimate(), basis, found, asked.k))
        return asked.found(controls, note=f"Still searching: a first estimate from {len(gram)} of {count} points.")

    for row in range(len(gram), count):
        try:
            watch(row / count)
        except BaseException:
            if gram:
                keep(so_far())
            raise
        function = pictures.around(points, row)
        if hessians and step is not None:
            jacobian, hessian = second_differences(function, origin, directions, pictures.batch, step)
            matrices.append(hessian.permute(2, 0, 1))
        else:
            jacobian = jacobian_columns(function, origin, directions, pictures.batch, step)
            matrices.append((jacobian @ jacobian.T)[None])
        gram.append(jacobian @ jacobian.T)
        pictures.checked(matrices[-1], f"at point {row + 1} of {count}")
        if unfinished.is_due:
            keep(so_far())
        watch.preview(estimated)
    found = so_far()
    keep(found)
    watch(1.0)
    return basis, found


def _leading(asked: Request, pictures: PictureMap) -> Tensor:
    """The rows (m, width) float64 of the directions that change pictures most, as many as were asked for; all axes
    where that is all there are."""
    width = min(pictures.width, max(asked.k, asked.number("dimensions") or WIDEST[asked.text("penalty")]))
    if width == pictures.width:
        return torch.eye(width, dtype=torch.float64)
    probes = max(128, PROBES_PER_DIMENSION * width)
    return pictures.probed(probes, asked.seed, asked.real("truncation"), asked.watch.part(0.05, 0.15))[1][:width]


def _ranked(frame: Tensor, basis: Tensor, found: Curvature, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The ``k`` columns of ``frame`` (m, m) of largest mean squared effect, as unit directions (k, width) of the space;
    that effect; its share of the whole frame's."""
    effects = (frame.T @ found.gram.mean(0) @ frame).diagonal().cpu().double().clamp_min(0)
    order = effects.argsort(descending=True, stable=True)[:k]
    directions = fix_signs(frame.T.cpu().double()[order] @ basis)
    return directions, effects[order], effects[order] / effects.sum().clamp_min(1e-30)


def _controls(
    asked: Request, spread: Spread, directions: Tensor, effects: Tensor, shares: Tensor
) -> tuple[LinearControl, ...]:
    deviations = spread.along(directions)
    name = "Hessian" if asked.text("penalty") == "hessian" else "OroJaR"
    return tuple(
        asked.linear(
            f"{name} {index + 1}",
            directions[index],
            float(deviations[index]),
            f"{float(shares[index]):.1%}",
            f"root mean square effect {float(effects[index].sqrt()):.3g}, {float(shares[index]):.2%} of the frame's "
            "squared change of the picture",
        )
        for index in range(len(directions))
    )


METHOD = HessianPenalty()
