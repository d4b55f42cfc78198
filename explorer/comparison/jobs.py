"""The work of a comparison in parts that anybody may do: one method with one seed on one model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from explorer.attributes.base import AttributeReader
from explorer.attributes.registry import open_reader
from explorer.comparison.evidence import Stage, evidence, stage
from explorer.controls.control_set import ControlSet
from explorer.errors import Cancelled, ControlError, ExplorerError
from explorer.generators.base import Generator, Progress
from explorer.metrics.base import shared
from explorer.metrics.direction_evidence import Evidence
from explorer.scene.model import Calibration, ControlSetRef, ModelRef, Scalar

Find = Callable[[ModelRef, ControlSetRef, Progress | None], ControlSet]
"""Finds a control set on a model, or has it at hand."""

OBSERVING, FINDING, SEEING = 1.0, 1.0, 2.0
"""How long it takes on the whole to read the model's own pictures, to search, and to look at what was found."""

EVALUATION_SEED = 2_000_000
"""Seed of the base codes and of the model's own pictures: no search has it (:mod:`explorer.comparison.request`), and
from different seeds different points are drawn."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for every job of a comparison; as in :class:`explorer.scene.comparison.CompareOptions`."""

    attributes: str
    bases: int
    observed: int
    tau: float
    calibration: Calibration = "chord"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Find ``controls`` on ``model`` and see what they do."""

    model: ModelRef
    controls: ControlSetRef
    conditions: Conditions


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a job gave: ``evidence``, or the ``problem`` why there is none, in one sentence. ``space``: where the method
    looked; ``settings``: all it searched with."""

    evidence: Evidence | None = None
    problem: str = ""
    space: str = ""
    settings: dict[str, Scalar] = {}
    labels: int = 0
    evaluations: int = 0
    seconds: float = 0.0


@dataclass
class Workbench:
    """One model on which jobs are done. The stage is set (base codes, the model's own pictures) when the first job
    asks, and directions that were seen before (a method without chance finds the same with every seed) are not seen
    again.
    """

    generator: Generator
    find: Find
    _stages: dict[Conditions, Stage] = field(default_factory=dict)
    _seen: dict[tuple[Conditions, str], Evidence] = field(default_factory=dict)

    def stage(self, conditions: Conditions, progress: Progress | None = None) -> Stage:
        """What every method is measured on, made once. Without attributes where none are named and the model does not
        say which are its own.

        Raises :class:`ExplorerError` where those that are named cannot be read.
        """
        if conditions not in self._stages:
            self._stages[conditions] = stage(
                self.generator,
                _reader(self.generator, conditions.attributes),
                conditions.bases,
                conditions.observed,
                conditions.tau,
                progress,
                EVALUATION_SEED,
                conditions.calibration,
            )
        return self._stages[conditions]

    def perform(self, job: Job, progress: Progress | None = None) -> Outcome:
        """Do ``job``. A method that refuses or fails gives an outcome with its sentence; cancelling passes through."""
        weights = (0.0 if job.conditions in self._stages else OBSERVING, FINDING, SEEING)
        observing, finding, seeing = shared(progress, weights)
        self.stage(job.conditions, observing)
        try:
            found = self._found(job, finding)
            seen = self._evidence(job.conditions, found, seeing)
        except ExplorerError as error:
            return Outcome(problem=str(error))
        seeing(1.0)
        return Outcome(
            evidence=seen,
            space=found.space,
            settings=found.settings,
            labels=round(found.cost.get("labels", 0.0)),
            evaluations=round(found.cost.get("generator_evaluations", 0.0)),
            seconds=found.cost.get("seconds", 0.0),
        )

    def _found(self, job: Job, progress: Progress) -> ControlSet:
        try:
            found = self.find(job.model, job.controls, progress)
        except (Cancelled, ExplorerError):
            raise
        except Exception as error:  # a plugin may raise anything, and the other rows are as good as before
            raise ControlError(f"'{job.controls.method}' failed ({type(error).__name__}: {error}).") from error
        found.check(self.generator.card)
        if len(found.controls) != job.controls.k:
            raise ControlError(
                f"'{job.controls.method}' found {len(found.controls)} controls where {job.controls.k} were asked for, "
                "so it cannot be compared; ask for as many as it finds."
            )
        progress(1.0)
        return found

    def _evidence(self, conditions: Conditions, found: ControlSet, progress: Progress) -> Evidence:
        key = conditions, digest(found)
        if key not in self._seen:
            self._seen[key] = evidence(self.stage(conditions), found, progress)
        return self._seen[key]


def _reader(generator: Generator, attributes: str) -> AttributeReader | None:
    try:
        return open_reader(attributes, generator.card, generator)
    except ExplorerError:
        if attributes:
            raise
        return None


def digest(controls: ControlSet) -> str:
    """SHA-256 of what the controls of a set do: the same digest moves every point alike."""
    told = hashlib.sha256()
    for one in controls.controls:
        card = one.card
        told.update(msgspec.json.encode([one.kind, card.name, card.space, card.low, card.high, one.parameters()]))
        for name, tensor in sorted(one.tensors().items()):
            told.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            told.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return told.hexdigest()


def perform_all(
    bench: Callable[[ModelRef], Workbench], jobs: Sequence[Job], progress: Progress | None
) -> list[Outcome]:
    """The outcomes of ``jobs``, one after the other in this process. What ``progress`` raises passes through."""
    found = []
    for job, share in zip(jobs, shared(progress, (1.0,) * len(jobs)), strict=True):
        found.append(bench(job.model).perform(job, share))
        share(1.0)
    return found
