"""What a construction is: a function that makes a file of one format hostile in one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


class Unfit(Exception):
    """There is nothing in this file that a construction could change."""


@dataclass
class Made:
    """A valid file that is to become hostile. ``folder``: of the case; ``file``: the one to change; ``opened``: what
    the program is given, which a construction may rename."""

    folder: Path
    file: Path
    opened: Path
    random: np.random.Generator

    @property
    def data(self) -> bytes:
        """What the file holds."""
        return self.file.read_bytes()

    def write(self, data: bytes) -> None:
        """Replace what it holds."""
        self.file.write_bytes(data)

    def any_of(self, choices):
        """One of ``choices``. Raises :class:`Unfit` where there are none."""
        if not len(choices):
            raise Unfit
        return choices[int(self.random.integers(len(choices)))]


Construct = Callable[[Made], object]
