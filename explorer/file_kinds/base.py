"""What a file may be that is no model: one protocol, one kind a file, found by :mod:`explorer.file_kinds.registry`."""

from __future__ import annotations

from typing import ClassVar, Protocol

from explorer.file_kinds.look import Look


class FileKind(Protocol):
    """Found as the module-level ``KIND`` of a file in this folder."""

    general: ClassVar[bool]
    """Whether it is only asked where no particular kind has an answer."""

    def told(self, look: Look) -> str:
        """What the file is, why it does not open as a model, and what it can be used for: what follows its name in one
        sentence ("is a picture, …"), with its full stop. Empty where it is not of this kind."""
