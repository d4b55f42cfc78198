"""One attribute of one model while it is being labelled: what was answered, what comes next, how well it is learned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from explorer.scene.labels import Label, Labels
from explorer.service.replies import ProbeTrained

Sample = tuple[int, float]
"""A seed and a truncation; see :attr:`explorer.scene.labels.Label.sample`."""

TRUNCATION = 1.0
"""Samples are shown as the model draws them, because that is what the methods draw that learn from the labels."""

LEAST_TO_TEST = 2  # labels of each kind; with fewer nothing is left to test a probe on


@dataclass
class LabelSet:
    """``answered``: labelled and skipped samples in order, which is what going back goes through; ``queue``: samples to
    come, the one to be answered first; ``trained``: what probes of ascending numbers of labels have right; ``problem``:
    why the newest could not be had; ``asked``: the labels that the engine was last asked about.
    """

    labels: Labels
    answered: list[Sample] = field(default_factory=list)
    skipped: set[Sample] = field(default_factory=set)
    queue: list[Sample] = field(default_factory=list)
    trained: list[ProbeTrained] = field(default_factory=list)
    problem: str = ""
    asked: Labels | None = None

    @property
    def attribute(self) -> str:
        return self.labels.attribute

    @property
    def count(self) -> int:
        """How many samples are labelled."""
        return len(self.labels.labels)

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has been answered."""
        return not self.answered

    @property
    def is_testable(self) -> bool:
        """Whether there are enough labels of both kinds for a probe and its test."""
        return min(self.labels.positives, self.labels.negatives) >= LEAST_TO_TEST

    @property
    def newest(self) -> ProbeTrained | None:
        """What the newest probe has right, or None before there is one."""
        return self.trained[-1] if self.trained else None

    def fill(self, ahead: int) -> None:
        """Have at least ``ahead`` samples in the queue: the lowest seeds that were not answered."""
        known = {one.sample for one in self.labels.labels} | self.skipped | set(self.queue)
        seed = 0
        while len(self.queue) < ahead:
            if (seed, TRUNCATION) not in known:
                self.queue.append((seed, TRUNCATION))
            seed += 1

    def answer(self, value: Literal[0, 1]) -> None:
        """Label the first sample of the queue."""
        sample = self.queue.pop(0)
        self.labels = self.labels.with_label(Label(seed=sample[0], truncation_psi=sample[1], value=value))
        self.answered.append(sample)

    def skip(self) -> None:
        """Leave the first sample of the queue without a label; it does not come again while this is remembered."""
        sample = self.queue.pop(0)
        self.skipped.add(sample)
        self.answered.append(sample)

    def back(self) -> None:
        """Ask again for the sample that was answered last."""
        sample = self.answered.pop()
        self.skipped.discard(sample)
        self.labels = self.labels.without(*sample)
        self.queue.insert(0, sample)
        self.trained = [one for one in self.trained if count_of(one) <= self.count]

    def add(self, others: Iterable[Label]) -> int:
        """Take over labels from elsewhere; they win over what is known of the same samples. Returns how many there
        were."""
        new = {label.sample: label for label in others}
        kept = [one for one in self.labels.labels if one.sample not in new]
        self.labels = msgspec.structs.replace(self.labels, labels=(*kept, *new.values()))
        self.answered = [*(sample for sample in self.answered if sample not in new), *new]
        self.skipped -= new.keys()
        self.queue = [sample for sample in self.queue if sample not in new]
        return len(new)

    def learned(self, reply: ProbeTrained) -> None:
        """Keep what a probe of these labels, or of fewer, has right."""
        self.problem = ""
        if count_of(reply) <= self.count:  # else some were taken back since
            self.trained = [one for one in self.trained if count_of(one) < count_of(reply)] + [reply]


def count_of(reply: ProbeTrained) -> int:
    """How many labels a probe was trained on."""
    return reply.n_positive + reply.n_negative
