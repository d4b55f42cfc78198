"""InterFaceGAN: the normal of the plane that parts the samples with most of an attribute from those with least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from explorer.attributes.base import Values
from explorer.attributes.pictures import without_pictures
from explorer.controls.control_set import ControlSet
from explorer.controls.linear import LinearControl
from explorer.discovery.attribute_data import (
    ATTRIBUTE_SETTINGS,
    DRAWN,
    AttributeData,
    Target,
    attribute_data,
)
from explorer.discovery.extremes import SAMPLES_A_DIMENSION, Parted, most_and_least
from explorer.discovery.request import CheckedMethod, Request, names_in
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard, SettingCard


@dataclass(frozen=True)
class Boundary:
    """A plane's unit ``normal`` (d,), towards more of ``target``; the ``accuracy`` on ``tested`` samples held out, half
    of them of either kind; ``fitted``: how many of each it was fitted to; the ``correlation`` of the distance from the
    plane with the attribute over all samples, which tells attributes apart that are all parted without error."""

    target: Target
    normal: Values
    accuracy: float
    tested: int
    fitted: int
    correlation: float


class InterFaceGan(CheckedMethod):
    """The normals of linear support vector machines, or differences of means, optionally orthogonal to those of other
    attributes."""

    card = MethodCard(
        name="interfacegan",
        title="InterFaceGAN",
        spaces=("z", "w", "h", "x_T"),
        trained=False,
        paper="Shen et al., Interpreting the Latent Space of GANs for Semantic Face Editing, CVPR 2020; InterFaceGAN, "
        "TPAMI 2020; by means: Haas et al., FG 2024",
        description="For each attribute the direction across the plane between samples that show it and that do not.",
        settings=(
            *ATTRIBUTE_SETTINGS,
            SettingCard(
                name="share",
                title="Share of samples",
                default=0.02,
                low=0.0,
                high=0.5,
                help="The samples with most and with least of an attribute that are parted; more are taken where these "
                f"are fewer than {SAMPLES_A_DIMENSION} for each dimension of the space.",
            ),
            SettingCard(
                name="direction",
                title="Direction",
                default="plane",
                choices=("plane", "means"),
                help="plane: across the plane of a support vector machine; means: from the mean of the samples with "
                "least to that of those with most, of the share alone however wide the space (Haas et al., FG 2024).",
            ),
            SettingCard(
                name="conditions",
                title="Conditions",
                default="",
                kind="attribute",
                empty="none",
                help="Attributes to hold, with commas between: every direction is made orthogonal to theirs.",
            ),
        ),
        supervised=True,
        role="labels",
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        return without_pictures(model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """One control for each of the ``k`` attributes whose plane parts held-out samples best, or for all where there
        are fewer. One unit is one standard deviation of the space along the normal, and more is more of the attribute.
        """
        k, seed = asked.k, asked.seed
        held = names_in(asked.text("conditions"))
        data = attribute_data(asked, generator, held)
        found: list[Boundary] = []
        for index, target in enumerate(data.targets):
            asked.watch(DRAWN + (1 - DRAWN) * index / len(data.targets))
            if (
                one := boundary(data.latents, target, asked.real("share"), seed, asked.text("direction") == "means")
            ) is not None:
                found.append(one)
        asked.watch(1.0)
        if not found:
            raise ControlError("No attribute has two kinds of samples to part; raise 'samples' or 'share'.")
        normals = {one.target.name: one.normal for one in found}
        if lost := [name for name in held if name not in normals]:
            raise ControlError(
                f"'{lost[0]}' has no two kinds of samples to part, so it cannot be held; leave it out of 'conditions'."
            )
        controls, empty = [], []
        only = names_in(asked.text("attribute"))
        for one in sorted(found, key=lambda one: (-one.accuracy, -one.correlation)):
            name = one.target.name
            if only and name not in only:  # it was learned to be held
                continue
            others = [normals[other] for other in held if other != name]
            normal = conditional(one.normal, np.stack(others)) if others else one.normal
            if normal is None:
                empty.append(name)
                continue
            controls.append(_control(asked, data, one, normal, held if others else []))
        missing = [one.name for one in data.targets if one.name not in normals]
        if not controls:
            what = (
                f"Nothing is left of '{empty[0]}' when {', '.join(held)} are held"
                if empty
                else f"'{missing[0]}' has no two kinds of samples to part"
            )
            raise ControlError(f"{what}; choose other attributes.")
        notes = [f"Nothing is left of {', '.join(empty)} when the conditions are held." if empty else ""]
        notes.append(f"Left out: {', '.join(missing)} (too few samples of one kind)." if missing else "")
        if len(controls) < k:
            notes.append(f"{len(controls)} of {k} controls: one for each attribute that can be parted.")
        note = " ".join(filter(None, [*notes, data.left_out]))
        return asked.found(controls[:k], data.evaluations, note, labels=data.labels)


def _control(asked: Request, data: AttributeData, one: Boundary, normal: Values, held: Sequence[str]) -> LinearControl:
    return asked.linear(
        one.target.name,
        torch.from_numpy(normal),
        data.deviation(normal),
        f"{one.accuracy:.0%}",
        *one.target.lines,
        f"parts {one.accuracy:.1%} of {one.tested} samples held out; chance 50%",
        f"fitted to {one.fitted} samples of each kind; correlation {one.correlation:.2f} over all",
        *((f"holds {', '.join(held)}; cosine {normal @ one.normal:.3f} with the free normal",) if held else ()),
    )


def boundary(latents: Values, target: Target, share: float, seed: int, by_means: bool = False) -> Boundary | None:
    """The plane between the samples of ``latents`` (n, d) with most and with least of ``target``, 70 % of which it is
    fitted to: of a linear support vector machine (C = 1), or, ``by_means``, midway between the means of both and across
    the way from one to the other, of which a few samples tell. None when there are fewer than :data:`FEWEST` of a kind,
    or their means are one.
    """
    parted = most_and_least(target, share, 0 if by_means else latents.shape[1], seed)
    if parted is None:
        return None
    normal, constant = (_between_means if by_means else _machine)(latents, parted)
    length = float(np.linalg.norm(normal))
    if length == 0:
        return None
    tested, kinds = parted.labelled(parted.tested)
    right = (latents[tested] @ normal + constant > 0) == (kinds == 0)
    normal = normal / length
    known = target.known
    correlation = float(np.corrcoef(latents[known] @ normal, target.values[known])[0, 1])
    return Boundary(target, normal, float(right.mean()), len(tested), len(parted.fitted[0]), correlation)


def _machine(latents: Values, parted: Parted) -> tuple[Values, float]:
    """Normal (d,) and constant of the plane, beyond which there is most."""
    from sklearn.svm import SVC

    fitted, kinds = parted.labelled(parted.fitted)
    machine = SVC(kernel="linear", C=1.0).fit(latents[fitted], 1 - kinds)
    return machine.coef_[0], float(machine.intercept_[0])


def _between_means(latents: Values, parted: Parted) -> tuple[Values, float]:
    """As :func:`_machine`."""
    most, least = (latents[rows].mean(0) for rows in parted.fitted)
    return most - least, -float((most - least) @ (most + least)) / 2


def conditional(normal: Values, others: Values) -> Values | None:
    """The unit vector nearest to ``normal`` (d,) that is orthogonal to the rows of ``others`` (m, d); None when nothing
    is left of it. For one or two rows this is the closed form of the paper (section 3.3), for more its least squares.
    """
    weights = np.linalg.lstsq(others.T, normal, rcond=None)[0]
    left = normal - others.T @ weights
    length = float(np.linalg.norm(left))
    return left / length if length > 1e-6 else None


METHOD = InterFaceGan()
