"""The discovery method: finds controls on a generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from explorer.controls.control_set import ControlSet
from explorer.generators.base import Generator, Progress
from explorer.scene.cards import MethodCard, ModelCard
from explorer.scene.model import Scalar


class Method(Protocol):
    """One way to find controls; one file in this folder, found by its module-level ``METHOD``."""

    @property
    def card(self) -> MethodCard:
        """Name, title, families and spaces it works on, the paper."""

    def refusal(self, model: ModelCard) -> str:
        """Why this method does not fit ``model`` in one sentence, or an empty string when it does."""

    def discover(
        self,
        generator: Generator,
        k: int,
        seed: int = 0,
        settings: Mapping[str, Scalar] | None = None,
        progress: Progress | None = None,
    ) -> ControlSet:
        """Find ``k`` controls (1 ≤ k ≤ width of the space). Repeatable for a seed. Raises
        :class:`explorer.errors.ControlError`."""
