"""Copies of examples are told from new ones, however they are drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.errors import Cancelled
from explorer.metrics.memorisation import copies, example_distances
from explorer.training.batch import Batch, as_images
from explorer.worlds.base import Array, Factor, World, on_grid


class Stamps(World):
    """Eight patterns that somebody cut, inked more or less."""

    name = "stamps"
    title = "Stamps"
    sizes = (16,)
    channels = 1
    factors = (
        Factor("pattern", tuple(map(float, range(8))), kind="category"),
        Factor("ink", (0.5, 0.75, 1.0)),
    )
    mechanisms = {factor.name: on_grid(factor) for factor in factors}  # noqa: RUF012
    example = "pattern"

    def __init__(self) -> None:
        self.patterns = np.random.default_rng(0).uniform(size=(8, 16, 16))

    def render(self, factors: Array, size: int | None = None) -> np.ndarray:
        rows, _ = self.checked(factors, size)
        shown = self.patterns[rows[:, 0].astype(int)] * rows[:, 1, None, None]
        return np.rint(255 * shown).astype(np.uint8)[..., None]


class Reads:
    """Knows the ink of every picture it has been told of, and guesses the pattern."""

    def __init__(self, inks: np.ndarray) -> None:
        self.inks = inks

    def measure(self, pictures: torch.Tensor) -> np.ndarray:
        return np.stack([np.zeros(len(pictures)), self.inks], axis=1).astype(np.float32)


WORLD = Stamps()


def data(n: int) -> Batch:
    rows = WORLD.sample(n, 4)
    return Batch(as_images(WORLD.render(rows)), torch.from_numpy(rows))


def score(samples: torch.Tensor, inks: np.ndarray) -> dict[str, float]:
    known = data(20)
    assert known.factors is not None
    reads = Reads(np.concatenate([inks, known.factors[:, 1].numpy()]))
    found = copies(WORLD, reads, samples, known, " at 5 steps", lambda share: None)  # type: ignore[arg-type]
    assert found.title == "Distance from the nearest example at 5 steps"
    assert (found.group, found.n, found.better) == ("quality", len(samples), "")
    assert found.value is not None
    assert found.null is not None
    itself = found.parts["an example from itself"]
    assert itself == pytest.approx(0.0, abs=1e-6)
    return {"value": found.value, "null": found.null}


def test_a_copy_is_at_no_distance_and_a_new_pattern_as_far_as_examples_are_apart() -> None:
    rows = WORLD.sample(10, 9)
    copied = score(as_images(WORLD.render(rows)), rows[:, 1])
    assert copied["value"] == pytest.approx(0.0, abs=1e-6)
    cut = np.random.default_rng(1).uniform(size=(10, 16, 16)) * rows[:, 1, None, None]
    new = score(as_images(np.rint(255 * cut).astype(np.uint8)[..., None]), rows[:, 1])
    assert new["value"] == pytest.approx(new["null"], rel=0.3)  # some are inked more
    assert new["null"] == copied["null"] > 0.2


def test_distances_are_those_of_the_pictures() -> None:
    rows = np.array([[3.0, 1.0], [5.0, 0.5]], np.float32)
    away = example_distances(WORLD, as_images(WORLD.render(rows)), rows)
    shown = np.rint(255 * WORLD.patterns * 0.5) / 255
    assert away.shape == (2, 8)
    assert away[1] == pytest.approx(np.sqrt(((shown - shown[5]) ** 2).mean(axis=(1, 2))), abs=1e-6)
    assert away[0, 3] == pytest.approx(0.0, abs=1e-6)


def test_values_beyond_the_range_are_drawn_at_its_end_and_work_can_be_cancelled() -> None:
    rows = np.array([[3.0, 1.0]], np.float32)
    beyond = np.array([[0.0, 1.4]], np.float32)
    assert example_distances(WORLD, as_images(WORLD.render(rows)), beyond)[0, 3] == pytest.approx(0.0, abs=1e-6)

    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        example_distances(WORLD, as_images(WORLD.render(rows)), rows, cancel)
