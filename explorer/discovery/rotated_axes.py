"""The axes of the first latent space with two of them turned against each other.

Nothing in the training of a VAE with a total-correlation term ties two equally informative factors to two axes: any
rotation of the pair has the same loss (the prior is isotropic), so a model may hold, say, a position's x and y along
the diagonals of two of its axes. Turning the pair back gives the sliders that were meant.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from explorer.controls.control_set import ControlSet
from explorer.discovery import axes
from explorer.discovery.axes import Axis
from explorer.discovery.request import CheckedMethod, Request
from explorer.errors import ControlError
from explorer.generators.base import Generator, Progress
from explorer.metrics import latent_activity
from explorer.numerics.gaussian_posterior import along
from explorer.scene.cards import MethodCard, ModelCard, SettingCard
from explorer.scene.measure_text import OF_AXES, turned_formulas
from explorer.scene.measures import Rotation
from explorer.scene.model import Scalar


class RotatedAxes(CheckedMethod):
    """The latent axes, but for axes a and b there are a' = cos·a + sin·b and b' = −sin·a + cos·b, in units of the prior
    (measures turn codes of unit variance: :class:`explorer.scene.measures.Rotation`).

    The a' and b' are measured by posteriors, of its world's pictures or its own: the posterior along a direction is
    Gaussian too, of variance cos²·σ²_a + sin²·σ²_b.
    """

    card = MethodCard(
        name="rotated_axes",
        title="Rotated axes",
        spaces=("z",),
        trained=False,
        paper="",
        description="The latent axes with two of them turned against each other, where a model holds two factors "
        "along their diagonals. Turned in units of the prior, as the axes are.",
        settings=(
            SettingCard(
                name="first",
                title="First axis",
                default=-1,
                low=-1,
                empty="the most informative",
                help="The number of one axis; -1 is the most informative one.",
            ),
            SettingCard(
                name="second",
                title="Second axis",
                default=-1,
                low=-1,
                empty="the most informative other",
                help="The number of the other one; -1 is the most informative other one.",
            ),
            SettingCard(
                name="angle",
                title="Angle",
                default=45.0,
                low=-90.0,
                high=90.0,
                help="Degrees, from the first axis towards the second.",
            ),
            axes.PICTURES,
        ),
        role="turned pair",
        first_count=axes.SHOWN,
        grows=True,
        version=2,
    )

    def refusal(self, model: ModelCard) -> str:
        if reason := axes.refusal(model):
            return reason
        if "posterior" not in model.capabilities:
            return f"'{model.name}' has no encoder with a variance, so its axes are no codes that could lie rotated."
        name, space = next(iter(model.spaces.items()))
        return "" if space.shape[0] > 1 else f"Space '{name}' of '{model.name}' has one axis, and a turn needs two."

    def place(self, model: ModelCard) -> int:
        """A turn is chosen for two axes that someone has looked at: after what finds directions by itself."""
        return 90

    def where(self, model: ModelCard, settings: Mapping[str, Scalar]) -> str:
        return next(iter(model.spaces))

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """The pair and the ``k`` - 2 most informative other axes, in the order of :mod:`latent_axes`.

        Raises :class:`ControlError` where the two axes are one, or are not there.
        """
        k, seed = asked.k, asked.seed
        wanted = (asked.number("first"), asked.number("second"))
        width = asked.model.spaces[asked.space].shape[0]
        if wanted[0] == wanted[1] != -1 or max(wanted) >= width:
            raise ControlError(
                f"Axes {wanted[0]} and {wanted[1]} cannot be turned against each other; choose two different ones "
                f"among 0 to {width - 1}."
            )
        pictures = asked.number("pictures")
        found, evaluations = axes.axes(generator, pictures, seed, _share(asked.watch, 0.0))
        free = (number for number in axes.by_information(found) if number not in wanted)
        first, second = (next(free) if number == -1 else number for number in wanted)
        pair = (first, second)
        turned, drawn = _turned(generator, pair, asked.real("angle"), pictures, seed, _share(asked.watch, 0.5))
        others = [number for number in axes.by_information(found) if number not in pair][: max(0, k - 2)]
        kept = {number: {**found, **turned}[number] for number in sorted((*pair, *others))}
        controls = tuple(kept[number].control for number in axes.by_information(kept)[:k])
        asked.watch(1.0)
        return asked.found(controls, evaluations + drawn, axes.note(controls))


def _share(progress: Progress, start: float) -> Progress:
    """One half of the way, beginning at ``start``."""
    return lambda share: progress(start + share / 2)


def _turned(
    generator: Generator, pair: tuple[int, int], angle: float, pictures: int, seed: int, progress: Progress
) -> tuple[dict[int, Axis], int]:
    """The number of each axis of the pair → what it becomes, and how many pictures the generator drew for that."""
    space, width = next((name, one.shape[0]) for name, one in generator.card.spaces.items())
    rotation = Rotation(first=f"{space}{pair[0]}", second=f"{space}{pair[1]}", degrees=angle)
    directions = torch.zeros(2, width)
    directions[:, list(pair)] = torch.tensor(rotation.matrix)
    formulas = [f"{formula}, {OF_AXES}" for formula in turned_formulas(rotation)]
    seen = latent_activity.posteriors(generator, pictures, seed, progress)
    activity = latent_activity.from_posterior(*along(seen.mean, seen.log_variance, directions), seen.data)
    moved = directions * axes.deviation(generator.card)
    axes_of = {
        number: axes.axis(rotation.names[row], space, moved[row], activity, row, (formulas[row],))
        for row, number in enumerate(pair)
    }
    return axes_of, len(seen.mean) if seen.data == latent_activity.SELF_ENCODED else 0


METHOD = RotatedAxes()
