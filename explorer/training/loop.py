"""The training loop that every family shares: data, progress, checkpoints, bit-exact resume, cancel."""

from __future__ import annotations

import importlib
import json
import pickle
import pkgutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import torch

import explorer.training as trainers
from explorer.errors import ExplorerError
from explorer.files import atomic_path, atomic_write
from explorer.training.base import Recipe, Trainer
from explorer.training.data import Batch, Source, source_of

Report = Callable[[int, int, dict[str, float], float], None]
"""Called with (finished steps, all steps, losses, pictures per second); may raise
:class:`explorer.errors.Cancelled`."""


def trainer_for(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The trainer the recipe names: the module of that name in this package. Raises :class:`ExplorerError` naming
    those there are."""
    modules = {module.name for module in pkgutil.iter_modules(trainers.__path__)}
    if recipe.trainer in modules:
        found = importlib.import_module(f"{trainers.__name__}.{recipe.trainer}")
        if hasattr(found, "TRAINER"):
            made: Trainer = found.TRAINER(recipe, source, device)
            return made
    names = [n for n in sorted(modules) if hasattr(importlib.import_module(f"{trainers.__name__}.{n}"), "TRAINER")]
    raise ExplorerError(f"There is no trainer '{recipe.trainer}'; there are: {', '.join(names)}.")


def batch_of(source: Source, recipe: Recipe, step: int) -> Batch:
    """The training pictures of step ``step``: a function of the source, the recipe's seed and the step alone."""
    return source.draw(recipe.batch, int(np.random.SeedSequence([recipe.seed, step]).generate_state(1)[0]))


def _batches(source: Source, recipe: Recipe, start: int, stop: int) -> Iterator[tuple[int, Batch]]:
    """Batches of steps ``start`` .. ``stop`` - 1; the next one is drawn while the current one is trained on."""
    if start >= stop:
        return
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(batch_of, source, recipe, start)
        for step in range(start, stop):
            batch = waiting.result()
            if step + 1 < stop:
                waiting = pool.submit(batch_of, source, recipe, step + 1)
            yield step, batch


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
    ends early after that many steps, with a checkpoint. Raises :class:`ExplorerError` when the folder holds another
    recipe's run, when its checkpoint is damaged, and when the training diverges.
    """
    written = msgspec.json.format(msgspec.json.encode(recipe), indent=2)
    described = folder / "recipe.json"
    if described.is_file() and (difference := _difference(_description(described), json.loads(written))):
        raise ExplorerError(f"'{folder}' holds a run of another recipe ({difference}); choose another folder.")
    source = source_of(recipe)
    trainer = trainer_for(recipe, source, device)
    atomic_write(described, written)  # only now: a recipe that its trainer refuses may be corrected and tried again
    checkpoint = folder / "checkpoint.pt"
    start = _resume(trainer, checkpoint, device) if checkpoint.is_file() else 0
    stop = recipe.steps if stop_after is None else min(stop_after, recipe.steps)

    def save(step: int) -> None:
        with atomic_path(checkpoint) as temporary:
            torch.save({"step": step, "trainer": trainer.state()}, temporary)

    clock, counted = time.perf_counter(), 0
    with (folder / "log.jsonl").open("a") as log:
        for step, batch in _batches(source, recipe, start, stop):
            losses = trainer.step(step, batch.to(device))
            if not all(np.isfinite(value) for value in losses.values()):
                raise ExplorerError(
                    f"The training diverged at step {step} ({losses}); the last good state is in '{checkpoint}'. "
                    "Lower the learning rate and start again."
                )
            counted += recipe.batch
            done = step + 1
            if done % recipe.checkpoint_every == 0 or done == stop:
                save(done)
                log.write(json.dumps({"step": done, **losses}) + "\n")
                log.flush()
            if report is not None:
                report(done, recipe.steps, losses, counted / (time.perf_counter() - clock))
    if stop == recipe.steps:
        trainer.export(folder / "model")
    return folder / "model"


def _resume(trainer: Trainer, checkpoint: Path, device: torch.device) -> int:
    """Put the trainer back to where ``checkpoint`` was written; returns the number of steps done by then."""
    try:
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        trainer.restore(saved["trainer"])
        return int(saved["step"])
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise ExplorerError(
            f"The checkpoint '{checkpoint}' is damaged or of another program version; delete it to start again."
        ) from error


def _description(path: Path) -> dict[str, object]:
    """The recipe that a run's folder was begun with."""
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise ExplorerError(f"'{path}' is damaged; choose another folder.") from error
    return found if isinstance(found, dict) else {}


def _difference(old: dict[str, object], new: dict[str, object]) -> str:
    """The first field in which two recipes differ, as ``name: old, now new``; empty when they are the same."""
    for key in new:
        if old.get(key) != new[key]:
            return f"{key}: {old.get(key)}, now {new[key]}"
    return ""
