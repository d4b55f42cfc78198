"""What a file may be that is no model: one protocol, one kind a file, found by :mod:`explorer.file_kinds.registry`."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

from explorer.file_kinds.look import Look
from explorer.scene.cards import FileUse


class FileKind(Protocol):
    """Found as the module-level ``KIND`` of a file in this folder."""

    general: ClassVar[bool]
    """Whether it is only asked where no particular kind has an answer."""

    def told(self, look: Look) -> str:
        """What the file is, why it does not open as a model, and what it can be used for: what follows its name in one
        sentence ("is a picture, …"), with its full stop. Empty where it is not of this kind."""


@runtime_checkable
class Useful(Protocol):
    """What a kind adds of which some files can be used for something."""

    def use(self, look: Look) -> FileUse | None:
        """What a file of this kind, one that it has told of, can be used for; None where that is nothing."""
