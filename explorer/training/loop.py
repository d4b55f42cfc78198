"""The training loop that every family shares: data, progress, checkpoints, bit-exact resume, cancel."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import safetensors
import torch
from filelock import FileLock, Timeout

import explorer.training as trainers
from explorer.ending import between_steps
from explorer.errors import Cancelled, ExplorerError, ExportError, instead
from explorer.files import atomic_path, atomic_write
from explorer.numerics.randomness import step_seed
from explorer.plugins import declared
from explorer.reading import foreign
from explorer.training.base import Recipe, Trainer
from explorer.training.batch import Batch, Source
from explorer.training.data import source_of
from explorer.training.sheets import save_sheet

log = logging.getLogger("explorer.training.loop")

SHEET = 64  # samples beside a checkpoint
WRITTEN = ("checkpoint.pt", "log.jsonl", "samples.png", "pictures.txt", "model")  # in a run's folder, after recipe.json
SHARE_OF_SAMPLES = 0.03  # of the time that a run may spend on drawing them

Report = Callable[[int, int, dict[str, float], float], None]
"""Called with (finished steps, all steps, losses, pictures per second); may raise
:class:`explorer.errors.Cancelled`."""


def trainer_for(recipe: Recipe, source: Source, device: torch.device) -> Trainer:
    """The trainer the recipe names: the module of that name in this package. Raises :class:`ExplorerError` naming
    those there are."""
    found: dict[str, Callable[[Recipe, Source, torch.device], Trainer]] = dict(declared(trainers, "TRAINER"))
    if recipe.trainer not in found:
        raise ExplorerError(f"There is no trainer '{recipe.trainer}'; {instead(recipe.trainer, found)}")
    return found[recipe.trainer](recipe, source, device)


def batch_of(source: Source, recipe: Recipe, step: int) -> Batch:
    """The training pictures of step ``step``: a function of the source, the recipe's seed and the step alone."""
    return source.draw(recipe.batch, step_seed(recipe.seed, step))


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
    announce: Callable[[Sequence[str]], None] | None = None,
) -> Path:
    """Follow ``recipe`` in ``folder``, resuming from its checkpoint if there is one; returns the folder of the
    finished model.

    ``folder`` receives ``recipe.json``, ``checkpoint.pt``, ``log.jsonl``, with every checkpoint ``samples.png`` and, at
    the end, ``model/``. ``stop_after`` ends early after that many steps, with a checkpoint; so do Ctrl-C and being told
    to end (:mod:`explorer.ending`), after the step at hand. ``announce`` is told what
    the user should know about the pictures, a line each (``pictures.txt`` has it, too). Raises
    :class:`ExplorerError` when the folder holds a run of another recipe or of other pictures, when its checkpoint is
    damaged, when the disk is full (the last checkpoint stays), and when the training diverges.
    """
    source = source_of(recipe)
    _check_place(folder, source)
    asked = json.loads(msgspec.json.encode(recipe)) | ({"pictures": source.fingerprint} if source.fingerprint else {})
    if not recipe.sequence:
        del asked["sequence"]  # runs that are older than it are of the same recipe
    described = folder / "recipe.json"
    if described.is_file() and (difference := _difference(_description(described), asked)):
        raise ExplorerError(f"'{folder}' holds a run of another recipe ({difference}); choose another folder.")
    trainer = trainer_for(recipe, source, device)
    # Only now: a recipe that its trainer refuses may be corrected and tried again.
    with _alone(folder):
        atomic_write(described, json.dumps(asked, indent=2).encode())
        if source.notes:
            atomic_write(folder / "pictures.txt", ("\n".join(source.notes) + "\n").encode())
            if announce is not None:
                announce(source.notes)
        _follow(recipe, source, trainer, folder, device, report, stop_after)
    return folder / "model"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else trains in ``folder`` meanwhile. Removes checkpoints that a killed run left half written."""
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise ExplorerError(
            f"Another training is under way in '{folder}'; wait for it or choose another folder."
        ) from error
    except OSError as error:
        raise ExportError(f"'{folder}' cannot be written ({error.strerror}); choose another folder.") from error
    try:
        for stale in folder.glob(".checkpoint-*.pt"):
            stale.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def _follow(
    recipe: Recipe,
    source: Source,
    trainer: Trainer,
    folder: Path,
    device: torch.device,
    report: Report | None,
    stop_after: int | None,
) -> None:
    """The steps from the last checkpoint on, and after the last one the model."""
    keeper = _Keeper(folder, trainer)
    start = _resume(trainer, keeper.checkpoint, device) if keeper.checkpoint.is_file() else 0
    stop = recipe.steps if stop_after is None else min(stop_after, recipe.steps)
    clock, counted = time.perf_counter(), 0
    # Whoever ends the training does so between two steps: then what is kept is what a straight run would have had.
    with between_steps() as is_ending:
        for step, batch in _batches(source, recipe, start, stop):
            # What a checkpoint lacks of an optimiser's state is missed in the first step that needs it.
            with _of_checkpoint(keeper.checkpoint) if step == start > 0 else nullcontext():
                losses = trainer.step(step, batch.to(device))
            if not all(np.isfinite(value) for value in losses.values()):
                raise keeper.diverged(step, losses)
            counted += recipe.batch
            done = step + 1
            if done % recipe.checkpoint_every == 0 or done == stop:
                keeper.save(done, losses)
            try:
                if report is not None:
                    report(done, recipe.steps, losses, counted / (time.perf_counter() - clock))
            except (Cancelled, KeyboardInterrupt):
                keeper.leave(done, losses)
                raise
            if is_ending():
                keeper.leave(done, losses)
                return
    if stop == recipe.steps:
        with keeper.told():
            trainer.export(folder / "model")


def _check_place(folder: Path, source: Source) -> None:
    """Refuse a folder whose files would be lost or trained on."""
    try:
        begun = (folder / "recipe.json").is_file()
        held = [name for name in WRITTEN if (folder / name).exists()]
    except OSError as error:
        raise ExplorerError(f"'{folder}' cannot be read ({error.strerror}); choose another folder.") from error
    if held and not begun:
        raise ExplorerError(
            f"'{folder}' holds '{held[0]}' but no 'recipe.json' of a training, which would write over it; choose "
            "another folder."
        )
    if source.world is None and folder.resolve().is_relative_to(Path(source.name).resolve()):
        raise ExplorerError(
            f"'{folder}' lies in the folder of the pictures, and what a training writes would count among them; choose "
            "another folder."
        )


class _Keeper:
    """Writes checkpoint, log and samples of a run. A disk that fills costs the newest checkpoint, never the last."""

    def __init__(self, folder: Path, trainer: Trainer) -> None:
        self.folder, self.checkpoint, self._trainer = folder, folder / "checkpoint.pt", trainer
        self._began, self._drawing = time.perf_counter(), 0.0
        self._saved = 0
        self._has_warned = False

    def leave(self, step: int, losses: dict[str, float]) -> None:
        """Keep the state of a run that is ended after ``step`` steps, if it is not kept: quickly, without samples."""
        if step != self._saved:
            self.save(step, losses, draw=False)

    def save(self, step: int, losses: dict[str, float], draw: bool = True) -> None:
        """Raises :class:`ExplorerError` where something cannot be written, or is not worth keeping."""
        state = self._trainer.state()
        if not _finite(state):  # the losses of this step were those before it
            raise self.diverged(step, losses)
        with self.told(), atomic_path(self.checkpoint) as temporary:
            _write({"step": step, "trainer": state}, temporary)
        self._saved = step
        with self._to_look_at("log.jsonl"), (self.folder / "log.jsonl").open("a") as lines:
            lines.write(json.dumps({"step": step, **losses}) + "\n")
        if draw:
            with self._to_look_at("samples.png"):
                self._draw()

    @contextmanager
    def _to_look_at(self, name: str) -> Iterator[None]:
        """A block that writes the file ``name`` beside the checkpoint, for the user alone: where that cannot be, it is
        said once, and the training goes on."""
        try:
            yield
        except (ExportError, OSError) as error:
            if not self._has_warned:
                cause = error if isinstance(error, OSError) else error.__cause__
                reason = (cause.strerror if isinstance(cause, OSError) else "") or str(error)
                log.warning("'%s' cannot be written (%s); the training goes on without.", self.folder / name, reason)
            self._has_warned = True

    @contextmanager
    def told(self) -> Iterator[None]:
        """Says of what could not be written whether the run can go on."""
        try:
            yield
        except (ExportError, OSError, safetensors.SafetensorError) as error:
            whole = " The last checkpoint is whole: the same command goes on from it."
            raise ExplorerError(f"{error}{whole if self.checkpoint.is_file() else ''}") from error

    def diverged(self, step: int, losses: dict[str, float]) -> ExplorerError:
        """The error of a run whose numbers are no longer finite."""
        kept = f"the last good state is in '{self.checkpoint}'" if self.checkpoint.is_file() else "nothing was kept"
        return ExplorerError(
            f"The training diverged at step {step} ({losses}); {kept}. Lower the learning rate and start again in "
            "another folder."
        )

    def _draw(self) -> None:
        """Samples, unless drawing them has taken more than its share of the time so far."""
        begun = time.perf_counter()
        if self._drawing > SHARE_OF_SAMPLES * (begun - self._began):
            return
        if (drawn := self._trainer.samples(SHEET, seed=0)) is not None:
            save_sheet(drawn, self.folder / "samples.png", columns=8)
        self._drawing += time.perf_counter() - begun


def _finite(state: object, seen: set[int] | None = None) -> bool:
    """Whether every tensor in containers of containers is; what stands in several places is looked at once."""
    seen = set() if seen is None else seen
    if isinstance(state, torch.Tensor):
        return bool(torch.isfinite(state).all())
    if id(state) in seen:
        return True
    seen.add(id(state))
    inner = state.values() if isinstance(state, dict) else state if isinstance(state, list | tuple) else ()
    return all(_finite(one, seen) for one in inner)


def _write(state: dict[str, Any], path: Path) -> None:
    """Torch hides a full disk behind a RuntimeError of its archive; here it is the OSError that it was."""
    try:
        with path.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise


def _of_checkpoint(checkpoint: Path) -> AbstractContextManager[None]:
    """Whatever fails here fails by what ``checkpoint`` holds."""
    sentence = f"The checkpoint '{checkpoint}' is damaged or of another program version; delete it to start again."
    return foreign(checkpoint, "a checkpoint", ExplorerError, sentence)


def _resume(trainer: Trainer, checkpoint: Path, device: torch.device) -> int:
    """Put the trainer back to where ``checkpoint`` was written; returns the number of steps done by then."""
    with _of_checkpoint(checkpoint):
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        if not _finite(saved):  # which tensors without numbers cannot say of themselves, either
            raise ValueError("numbers that are not finite")
        trainer.restore(saved["trainer"])
        return int(saved["step"])


def _description(path: Path) -> dict[str, object]:
    """The recipe that a run's folder was begun with."""
    with foreign(path, "a recipe", ExplorerError, f"'{path}' is damaged; choose another folder."):
        found = json.loads(path.read_bytes())
    return found if isinstance(found, dict) else {}


def _difference(old: dict[str, object], new: dict[str, object]) -> str:
    """The fields in which two recipes differ, as ``name: old, now new; …``; empty when they are the same."""
    found: list[str] = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += filter(None, [_difference(before, after)])
        elif before != after:
            short = [str(value)[:40] if value is not None else "not set" for value in (before, after)]
            found.append(f"{key}: {short[0]}, now {short[1]}")
    return "; ".join(found)
