"""The columns of a table of directions: every measure with its title, what it means and who published it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from explorer.metrics import direction_measures as measured
from explorer.metrics.direction_counterfactuals import MATCHED
from explorer.metrics.direction_measures import Sample
from explorer.scene.comparison import Column

Source = Literal["attributes", "pictures", "points", "observed", "truth"]


@dataclass(frozen=True)
class DirectionMeasure:
    """A column and how it is computed. ``on``: what it is taken on, and so what is resampled for its interval;
    ``bounds``: between what its values lie."""

    column: Column
    value: Callable[[Sample], float | None]
    on: Source
    bounds: tuple[float, float] = (0.0, 1.0)


def _measure(
    name: str,
    title: str,
    better: Literal["higher", "lower", ""],
    value: Callable[[Sample], float | None],
    on: Source,
    meaning: str,
    paper: str = "",
    bounds: tuple[float, float] = (0.0, 1.0),
) -> DirectionMeasure:
    column = Column(name=name, title=title, better=better, meaning=meaning, paper=paper)
    return DirectionMeasure(column, value, on, bounds)


MEASURES: tuple[DirectionMeasure, ...] = (
    _measure(
        "modularity",
        "Modularity",
        "higher",
        measured.modularity,
        "attributes",
        "How much of what a direction does it does to one attribute: the mean share of the largest effect, 0 where all "
        "attributes change alike, 1 where one does.",
        "after Ridgeway & Mozer 2018, Hsu et al. 2023",
    ),
    _measure(
        "compactness",
        "Compactness",
        "higher",
        measured.compactness,
        "attributes",
        "How much of an attribute's change comes from one direction: the same share, by attribute.",
        "after Hsu et al. 2023",
    ),
    _measure(
        "coverage",
        "Coverage",
        "higher",
        measured.coverage,
        "attributes",
        "How many attributes are some direction's largest effect, of as many as there could be.",
    ),
    _measure(
        "dependency",
        "Attribute dependency",
        "lower",
        measured.dependency,
        "attributes",
        f"By how many deviations the other attributes change where a direction's own has changed by {MATCHED:g}.",
        "Wu, Lischinski & Shechtman 2021",
        (0.0, np.inf),
    ),
    _measure(
        "counterfactual",
        "Counterfactual error",
        "lower",
        measured.counterfactual_error,
        "attributes",
        "By how many deviations the other factors are from what the world's mechanisms say would have become of them, "
        f"where a direction's own factor has changed by {MATCHED:g}: what it causes follows, the rest stays. A "
        "direction's own factor is the one of which it is the best do().",
        "after Monteiro et al. 2023",
        (0.0, np.inf),
    ),
    _measure(
        "unpropagated",
        "Without propagation",
        "",
        measured.unpropagated,
        "attributes",
        "The counterfactual error that the same directions would have if they moved nothing but their own factor: what "
        "do() without propagation leaves.",
        bounds=(0.0, np.inf),
    ),
    _measure(
        "mcc",
        "Path cosine",
        "higher",
        measured.path_cosine,
        "truth",
        "Mean |cos| of the velocity along the path from −1 to 1 with the true direction where the path is, weighted by "
        "the speed; directions and true ones are matched one to one.",
    ),
    _measure(
        "additivity",
        "Additivity error",
        "lower",
        measured.additivity,
        "pictures",
        "How much the picture's change under two directions differs from the sum of both, as a share of it.",
        bounds=(0.0, np.inf),
    ),
    _measure(
        "orthogonality",
        "Jacobian orthogonality",
        "higher",
        measured.orthogonality,
        "pictures",
        "1 less the mean |cos| between what two directions do to the pixels, for small steps.",
        "Wei et al. 2021",
    ),
    _measure(
        "monotonicity",
        "Monotonicity",
        "higher",
        measured.monotonicity,
        "attributes",
        "How steadily a direction's own attribute rises or falls along nine points; it hardly tells methods apart.",
    ),
    _measure(
        "consistency",
        "Consistency",
        "higher",
        measured.consistency,
        "pictures",
        "How alike a direction's changes of the features are at two base codes, less how alike those of two are.",
        "after Yüksel et al. 2021",
        (-1.0, 1.0),
    ),
    _measure(
        "recognition",
        "Recognised",
        "higher",
        measured.recognition,
        "pictures",
        "How often a small network names the direction from the change of a picture at base codes it never saw (last "
        "epoch); directions can be told apart without being pure.",
        "after Zhu et al. 2020, Voynov & Babenko 2020",
    ),
    _measure(
        "smoothness",
        "Unevenness",
        "lower",
        measured.smoothness,
        "pictures",
        "Mean squared step of the features along a path over the squared mean step: 1 where all are alike.",
        "after Karras et al. 2019 (path length)",
        (1.0, np.inf),
    ),
    _measure(
        "nonlinearity",
        "Non-linearity of the path",
        "",
        measured.nonlinearity,
        "points",
        "How much of the path from −1 to 1 is detour: 1 less its chord over its arc, in the control's own space; 0 for "
        "a straight line. Neither good nor bad.",
    ),
    _measure(
        "round_trip",
        "Round-trip error",
        "lower",
        measured.round_trip,
        "points",
        "How far from its start a point ends that goes one calibrated step and one back, as a share of the way there, "
        "by the control's own moves and for both signs; 0 where −1 undoes 1, as along a straight line.",
        bounds=(0.0, np.inf),
    ),
    _measure(
        "order_dependence",
        "Order dependence",
        "lower",
        measured.order_dependence,
        "points",
        "How far apart two directions end that are moved by a calibrated step one after the other, in either order, as "
        "a share of the mean length of the two ways; 0 where the order does not matter, as along straight lines.",
        bounds=(0.0, np.inf),
    ),
    _measure(
        "typicality",
        "Typicality shift",
        "lower",
        measured.typicality,
        "pictures",
        "How far a calibrated step moves a code's percentile of distance from the middle of the codes, 0 to 1.",
    ),
    _measure(
        "readable",
        "Readable",
        "higher",
        measured.readable,
        "attributes",
        "The share of attribute values along the paths that could be read.",
    ),
    _measure(
        "information_modularity",
        "Modularity (observed)",
        "higher",
        measured.information_modularity,
        "observed",
        "How much of what a code's coordinate along a direction tells it tells about one attribute (mutual information "
        "in ten quantile bins).",
        "after Hsu et al. 2023",
    ),
    _measure(
        "information_compactness",
        "Compactness (observed)",
        "higher",
        measured.information_compactness,
        "observed",
        "How much of what the coordinates tell about an attribute one of them tells.",
        "after Hsu et al. 2023",
    ),
    _measure(
        "explicitness",
        "Explicitness (observed)",
        "higher",
        measured.explicitness,
        "observed",
        "R² of the attributes from all coordinates by least squares.",
        "after Ridgeway & Mozer 2018",
    ),
)
