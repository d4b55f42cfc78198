"""The training loop that every family shares: data, progress, checkpoints, bit-exact resume, cancel."""

from __future__ import annotations

import importlib
import json
import pkgutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import Tensor

import explorer.training as trainers
from explorer.errors import ExplorerError
from explorer.files import atomic_path, atomic_write
from explorer.training.base import Recipe, Trainer
from explorer.worlds import registry as worlds

Report = Callable[[int, int, dict[str, float], float], None]
"""Called with (finished steps, all steps, losses, pictures per second); may raise
:class:`explorer.errors.Cancelled`."""


def trainer_for(recipe: Recipe, device: torch.device) -> Trainer:
    """The trainer the recipe names: the module of that name in this package. Raises :class:`ExplorerError` naming
    those there are."""
    names = []
    for module in pkgutil.iter_modules(trainers.__path__):
        found = importlib.import_module(f"{trainers.__name__}.{module.name}")
        if hasattr(found, "TRAINER"):
            names.append(module.name)
            if module.name == recipe.trainer:
                made: Trainer = found.TRAINER(recipe, device)
                return made
    raise ExplorerError(f"There is no trainer '{recipe.trainer}'; there are: {', '.join(names)}.")


def batch_of(recipe: Recipe, step: int) -> Tensor:
    """Training pictures (batch, C, H, W) in [-1, 1] of step ``step``: a function of the recipe's seed and the step
    alone."""
    world = worlds.world(recipe.data)
    seed = int(np.random.SeedSequence([recipe.seed, step]).generate_state(1)[0])
    pictures = world.render(world.sample(recipe.batch, seed))
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0).contiguous()


def _batches(recipe: Recipe, start: int) -> Iterator[tuple[int, Tensor]]:
    """Batches from step ``start`` on; the next one is drawn while the current one is trained on."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(batch_of, recipe, start)
        for step in range(start, recipe.steps):
            images = waiting.result()
            if step + 1 < recipe.steps:
                waiting = pool.submit(batch_of, recipe, step + 1)
            yield step, images


def train(
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    report: Report | None = None,
    stop_after: int | None = None,
) -> Path:
    """Follow ``recipe`` in ``folder``, resuming from its checkpoint if there is one; returns the folder of the
    finished model.

    ``folder`` receives ``checkpoint.pt``, ``recipe.json``, ``log.jsonl`` and, at the end, ``model/``. ``stop_after``
    ends early
    after that many steps, with a checkpoint. Raises :class:`ExplorerError` when the folder holds another recipe's run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = msgspec.json.format(msgspec.json.encode(recipe), indent=2)
    described = folder / "recipe.json"
    if described.is_file() and (difference := _difference(json.loads(described.read_bytes()), json.loads(written))):
        raise ExplorerError(f"'{folder}' holds a run of another recipe ({difference}); choose another folder.")
    atomic_write(described, written)

    trainer = trainer_for(recipe, device)
    start = 0
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.is_file():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        trainer.restore(saved["trainer"])
        start = int(saved["step"])

    def save(step: int) -> None:
        with atomic_path(checkpoint) as temporary:
            torch.save({"step": step, "trainer": trainer.state()}, temporary)

    clock, counted = time.perf_counter(), 0
    with (folder / "log.jsonl").open("a") as log:
        for step, images in _batches(recipe, start):
            losses = trainer.step(step, images.to(device))
            if not all(np.isfinite(value) for value in losses.values()):
                raise ExplorerError(
                    f"The training diverged at step {step} ({losses}); the last good state is in '{checkpoint}'. "
                    "Lower the learning rate and start again."
                )
            counted += recipe.batch
            done = step + 1
            finished = done == recipe.steps or done == stop_after
            if done % recipe.checkpoint_every == 0 or finished:
                save(done)
                log.write(json.dumps({"step": done, **losses}) + "\n")
                log.flush()
            if report is not None:
                report(done, recipe.steps, losses, counted / (time.perf_counter() - clock))
            if finished:
                break
    if stop_after is None or stop_after >= recipe.steps:
        trainer.export(folder / "model")
    return folder / "model"


def _difference(old: dict[str, object], new: dict[str, object]) -> str:
    """The first field in which two recipes differ, as ``name: old, now new``; empty when they are the same."""
    for key in new:
        if old.get(key) != new[key]:
            return f"{key}: {old.get(key)}, now {new[key]}"
    return ""
