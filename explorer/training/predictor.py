"""Training of attribute predictors: networks that read a world's factors from pictures, also from generated ones.

Every step sees the batch, drawn from the world's causal model, and as many pictures whose factors are independent of
one another and lie between the grid's levels too, so that no factor is guessed from its causes; half of all pictures
are blurred, noisy and paler, as generated pictures are.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from explorer.errors import ExplorerError
from explorer.numerics.randomness import step_seed
from explorer.training.base import Count, Recipe, Trainer, Weight
from explorer.training.batch import Batch, Source, as_images
from explorer.training.card import write_card
from explorer.training.data import EVALUATION_SEED
from explorer.training.hardware import hardware
from explorer.training.precision import Precision
from explorer.training.sheets import save_sheet
from explorer.worlds.attributes import Attributes, FactorError, distance, load_attributes
from explorer.worlds.base import Array, Factor, World
from explorer.worlds.predictor.network import PredictorConfig, PredictorNetwork, save_predictor

NOISE = 0.06  # standard deviation in a picture in [-1, 1], at most
PALER = 0.05  # change of contrast and of brightness, at most
_EVALUATION_BATCH = 250


class PredictorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``settings`` of a predictor's recipe.

    ``between``: which numbers' independent values also lie between the levels of the grid; not all of them where a
    world draws its grid much faster. ``evaluation``: pictures for each figure in the card.
    """

    widths: tuple[int, ...] = (24, 48, 64, 96)
    features: int = 96
    learning_rate: Weight = 2e-3
    between: Literal["all", "cyclic", "none"] = "all"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    evaluation: Count = 4000


class PredictorTrainer:
    """One run. The weights are those of Adam, its learning rate falling to zero along a cosine."""

    def __init__(self, recipe: Recipe, source: Source, device: torch.device) -> None:
        self.recipe, self.source, self.device = recipe, source, device
        if source.world is None:
            raise ExplorerError(
                f"The recipe '{recipe.name}' trains a predictor of factors, and '{recipe.data}' has none; set 'data' "
                "to a world."
            )
        self.world: World = source.world
        try:
            self.settings = msgspec.convert(recipe.settings, PredictorSettings)
        except msgspec.ValidationError as error:
            raise ExplorerError(f"The settings of recipe '{recipe.name}' cannot be used: {error}.") from error
        config = PredictorConfig(
            world=self.world.name,
            size=source.size,
            channels=source.channels,
            widths=self.settings.widths,
            features=self.settings.features,
            factors=self.world.factors,
        )
        if problem := config.problem():
            raise ExplorerError(f"The settings of recipe '{recipe.name}' cannot be used: {problem}.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            network = PredictorNetwork(config)
        # Channels last: the strided convolutions are half as fast again on a processor.
        self.network: PredictorNetwork = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=self.settings.learning_rate)
        self.precision = Precision(self.settings.precision, device)
        self.pictures = 0
        self.seconds = 0.0

    def step(self, number: int, batch: Batch) -> dict[str, float]:
        """One step of Adam; returns ``loss``, the mean over factors, and each factor's own, 1 for a constant guess."""
        assert batch.factors is not None, "the pictures of a world come with their factors"
        started = time.perf_counter()
        count = len(batch.images)
        rows = self.independent(count, step_seed(self.recipe.seed, number, 1))
        drawn = as_images(self.world.render(rows, self.source.size)).to(self.device)
        images = torch.cat([batch.images, drawn])
        shown = self.world.shown(np.concatenate([batch.factors.cpu().numpy(), rows]))
        factors = torch.from_numpy(shown).to(self.device)
        images = corrupted(images, step_seed(self.recipe.seed, number, 2), share=0.5)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * 0.5 * (1.0 + math.cos(math.pi * number / self.recipe.steps))
        with self.precision.autocast():
            raw = self.network(images.contiguous(memory_format=torch.channels_last))
        losses = self.network.losses(raw.float(), factors)
        if self.world.unseen:  # where causes are independent of their effects, there is nothing to be read of them
            observed = self.network.losses(raw[:count].float(), factors[:count])
            losses |= {name: observed[name] for name in self.world.unseen}
        loss = torch.stack(list(losses.values())).mean()
        self.precision.update(loss, [self.optimiser])
        self.pictures += len(images)
        self.seconds += time.perf_counter() - started
        return {"loss": loss.item(), **{name: value.item() for name, value in losses.items()}}

    def independent(self, n: int, seed: int) -> Array:
        """(n, K) factors that are independent of one another: grid levels, and for numbers up to half a step off."""
        rows = self.world.independent(n, seed)
        shift = np.random.default_rng([seed, 1]).uniform(-0.5, 0.5, rows.shape)
        chosen = self.settings.between
        for column, factor in enumerate(self.world.factors):
            if factor.kind == "number" and (chosen == "all" or (chosen == "cyclic" and factor.cyclic)):
                step = (factor.high - factor.low) / (len(factor.values) - 1)
                rows[:, column] += (shift[:, column] * step).astype(np.float32)
                if not factor.cyclic:
                    rows[:, column] = rows[:, column].clip(factor.low, factor.high)
        return rows

    def state(self) -> dict[str, Any]:
        """Weights, Adam's moments, and what has been spent."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "precision": self.precision.state(),
            "pictures": self.pictures,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.precision.restore(state["precision"])
        self.pictures, self.seconds = int(state["pictures"]), float(state["seconds"])

    def samples(self, count: int, seed: int) -> Tensor:
        """(count, C, H, W) pictures in [-1, 1]: one of the world, and beside it what the world draws of the factors
        read from it, in turn."""
        shown = self.source.held_out((count + 1) // 2, seed).images
        found = Attributes(self.network, {}, self.device).measure(shown)
        for column, factor in enumerate(self.world.factors):
            if not factor.cyclic:
                found[:, column] = found[:, column].clip(factor.low, factor.high)
        again = as_images(self.world.render(found, self.source.size))
        return torch.stack([shown, again], dim=1).flatten(0, 1)[:count]

    def export(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors``, ``card.json`` with the errors of what was written, and
        ``samples.png``."""
        save_predictor(self.network, folder)
        save_sheet(self.samples(64, seed=0), folder / "samples.png", columns=8)
        s = self.settings
        notes = f"Reads the factors of '{self.world.name}' from pictures; {s.features} features."
        figures = {
            "test_pictures": s.evaluation,
            "parameters": sum(one.numel() for one in self.network.parameters()),
            "training_pictures": self.pictures,
            "training_seconds": round(self.seconds, 1),
            "hardware": hardware(self.device),
        }
        errors = measure_errors(load_attributes(folder, self.device), self.source, s.evaluation)
        write_card(folder, self.recipe, self.source, notes, figures, errors=msgspec.to_builtins(errors))


def measure_errors(predictor: Attributes, source: Source, n: int, seed: int = 0) -> dict[str, FactorError]:
    """Factor → how far ``predictor`` is off on ``n`` held-out pictures of a world, clean and corrupted, and on ``n``
    with independent factors; repeatable for a seed."""
    world = source.world
    assert world is not None, "only a world knows its factors"
    found: dict[str, list[Array]] = {name: [] for name in ("truth", "error", "independent", "corrupted")}
    grid = world.independent(n, EVALUATION_SEED + seed)
    for start in range(0, n, _EVALUATION_BATCH):
        size = min(_EVALUATION_BATCH, n - start)
        images, factors = source.held_out(size, seed + start)
        assert factors is not None, "the pictures of a world come with their factors"
        found["truth"].append(world.shown(factors.numpy()))
        found["error"].append(predictor.measure(images))
        found["corrupted"].append(predictor.measure(corrupted(images, seed + start, share=1.0)))
        rendered = world.render(grid[start : start + size], source.size)
        found["independent"].append(predictor.measure(as_images(rendered)))
    read = {name: np.concatenate(parts).astype(np.float64) for name, parts in found.items()}

    def error(name: str, factor: Factor, column: int, truth: NDArray[np.float64]) -> float:
        return float(distance(factor, read[name][:, column], truth[:, column]).mean())

    return {
        factor.name: FactorError(
            error=error("error", factor, column, read["truth"]),
            constant=constant_error(factor, read["truth"][:, column]),
            independent=error("independent", factor, column, world.shown(grid).astype(np.float64)),
            corrupted=error("corrupted", factor, column, read["truth"]),
        )
        for column, factor in enumerate(world.factors)
    }


def constant_error(factor: Factor, truth: NDArray[np.float64]) -> float:
    """The mean distance of ``truth`` (n,) from the one value that makes it least: a level, or the median."""
    candidates = (*factor.values, *([] if factor.kind == "category" else [float(np.median(truth))]))
    return min(float(distance(factor, truth, np.asarray(guess)).mean()) for guess in candidates)


def corrupted(images: Tensor, seed: int, share: float) -> Tensor:
    """(B, C, H, W) pictures in [-1, 1] of which ``share`` are blurred (by a pixel at most), noisy and of another
    contrast and brightness, each by amounts of its own."""
    source = torch.Generator("cpu").manual_seed(seed)
    chosen = torch.rand(len(images), generator=source) < share
    count = int(chosen.sum())
    # One row an amount, from none to the most; contrast and brightness go both ways.
    amounts = torch.rand(4, count, 1, 1, 1, generator=source).to(images)
    noise = torch.randn(count, *images.shape[1:], generator=source).to(images)
    blur, level, contrast, brightness = amounts[0], amounts[1], 2.0 * amounts[2] - 1.0, 2.0 * amounts[3] - 1.0
    spoilt = images[chosen.to(images.device)]
    spoilt = spoilt.lerp(_blurred(_blurred(spoilt, 2), 3), blur) + noise * (level * NOISE)
    found = images.clone()
    found[chosen.to(images.device)] = (spoilt * (1.0 + contrast * PALER) + brightness * PALER).clamp(-1.0, 1.0)
    return found


def _blurred(images: Tensor, axis: int) -> Tensor:
    """Along one axis, by the binomial 1 4 6 4 1, whose standard deviation is one pixel; edges are repeated."""
    size, length = [0, 0, 0, 0], images.shape[axis]
    size[2 * (3 - axis) : 2 * (3 - axis) + 2] = [2, 2]
    padded = functional.pad(images, size, mode="replicate")
    parts = [padded.narrow(axis, offset, length) for offset in range(5)]
    return (parts[0] + parts[4] + 4.0 * (parts[1] + parts[3]) + 6.0 * parts[2]) / 16.0


def make(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The factory that the loop calls."""
    return PredictorTrainer(recipe, source, device)


TRAINER = make
