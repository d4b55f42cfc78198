"""Attribute regression: what supervision reaches with linear directions. The ceiling that discovery is held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from explorer.attributes.base import Values
from explorer.attributes.pictures import without_pictures
from explorer.controls.control_set import ControlSet
from explorer.discovery.attribute_data import ATTRIBUTE_SETTINGS, AttributeData, Target, attribute_data
from explorer.discovery.request import CheckedMethod, Request
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard, SettingCard

HELD_OUT = 0.3
PREDICTED = 0.05  # of the variance; what is predicted less is noise, and holding it still would bend the directions


@dataclass(frozen=True)
class Regressed:
    """One attribute's regression in whitened coordinates: ``weights`` (r,) in deviations of the attribute a unit, and
    ``score``: R² on the samples held out, of which there are ``tested``."""

    target: Target
    weights: Values
    score: float
    tested: int


class AttributeRegression(CheckedMethod):
    """Ridge regression of the attributes on the latent, inverted: each direction changes one and holds the others."""

    card = MethodCard(
        name="attribute_regression",
        title="Attribute regression (ceiling)",
        spaces=("z", "w", "h", "x_T"),
        trained=False,
        paper="Hoerl & Kennard, Ridge Regression: Biased Estimation for Nonorthogonal Problems, Technometrics 1970",
        description="The directions that change one attribute and hold the others still, learned from their values.",
        settings=(
            *ATTRIBUTE_SETTINGS,
            SettingCard(
                name="ridge",
                title="Ridge",
                default=0.001,
                low=0.0,
                high=100.0,
                help="The penalty on the weights, for each sample, of latents with variance 1.",
            ),
            SettingCard(
                name="damping",
                title="Damping",
                default=0.1,
                low=0.0,
                high=100.0,
                help="0: the other attributes are held at any price; large: the steepest way for each by itself.",
            ),
        ),
        supervised=True,
        aliases=("ceiling", "regression"),
        role="ceiling",
        grows=True,
    )

    def refusal(self, model: ModelCard) -> str:
        return without_pictures(model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """One control for each of the ``k`` attributes that are predicted best, or for all where there are fewer. One
        unit is one standard deviation of the space along the direction, and more of it is more of the attribute.
        """
        k, seed = asked.k, asked.seed
        data = attribute_data(asked, generator)
        found = regressions(data, asked.real("ridge"), seed)
        asked.watch(1.0)
        learned = sorted((one for one in found if one.score > PREDICTED), key=lambda one: -one.score)
        if not learned:
            best = max(found, key=lambda one: one.score)
            raise ControlError(
                f"No attribute can be told from {asked.space} by a linear map; the best is '{best.target.name}' with "
                f"R² {best.score:.2f} on samples held out. Raise 'samples', or choose other attributes."
            )
        directions = separating(np.stack([one.weights for one in learned]), asked.real("damping")) @ data.whitened.axes
        controls = []
        for one, direction in zip(learned[:k], directions, strict=False):
            unit = direction / np.linalg.norm(direction)
            controls.append(
                asked.linear(
                    one.target.name,
                    torch.from_numpy(unit),
                    data.deviation(unit),
                    f"R² {one.score:.2f}",
                    *one.target.lines,
                    f"R² {one.score:.3f} on {one.tested} samples held out; chance 0",
                )
            )
        weak = [one.target.name for one in found if one.score <= PREDICTED]
        note = [f"Not linear in {asked.space}: {', '.join(weak)}."] if weak else []
        if len(controls) < k:
            note.append(f"{len(controls)} of {k} controls: one for each attribute that a linear map predicts.")
        return asked.found(controls, data.evaluations, " ".join([*note, data.left_out]).strip(), labels=data.labels)


def regressions(data: AttributeData, ridge: float, seed: int) -> list[Regressed]:
    """Every target's weights, from all samples that know it, and its R² when :data:`HELD_OUT` of them are left out."""
    order = np.random.default_rng([seed, 1]).permutation(len(data.latents))
    found = []
    for target in data.targets:
        rows = order[target.known[order]]
        values = (target.values[rows] - target.values[rows].mean()) / target.values[rows].std()
        x = data.whitened.rows[rows]
        tested = max(2, int(len(rows) * HELD_OUT))
        weights, constant = ridge_weights(x[tested:], values[tested:], ridge)
        left = values[:tested] - x[:tested] @ weights - constant
        away = values[:tested] - values[tested:].mean()
        score = 1 - float((left**2).sum() / max((away**2).sum(), 1e-30))
        found.append(Regressed(target, ridge_weights(x, values, ridge)[0], score, tested))
    return found


def ridge_weights(x: Values, y: Values, ridge: float) -> tuple[Values, float]:
    """Weights (r,) and constant that minimise the mean squared error over x (n, r) and y (n,) plus ``ridge`` ‖w‖²; the
    constant is free."""
    centred = x - x.mean(0)
    gram = centred.T @ centred / len(x) + ridge * np.eye(x.shape[1])
    weights = np.linalg.lstsq(gram, centred.T @ (y - y.mean()) / len(x), rcond=None)[0]
    return weights, float(y.mean() - x.mean(0) @ weights)


def separating(weights: Values, damping: float) -> Values:
    """(A, r): row a is the step that changes the a-th of y = ``weights`` (A, r) x and holds the others, a column of the
    pseudo-inverse, damped (Levenberg 1944): W' (W W' + damping I)^-1. What tells two attributes apart by less than
    about the root of ``damping`` is not enlarged."""
    gram = weights @ weights.T + damping * np.eye(len(weights))
    return np.asarray(np.linalg.pinv(gram, rcond=1e-10) @ weights)


METHOD = AttributeRegression()
