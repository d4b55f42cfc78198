"""An installed package with one method in one file, named in the entry-point group: what a user's plugin looks like."""

from __future__ import annotations

import textwrap
from pathlib import Path

METHOD = """
import msgspec
from explorer.discovery.random_orthogonal import RandomOrthogonal

class Dice(RandomOrthogonal):
    card = msgspec.structs.replace(RandomOrthogonal.card, name="dice", title="Thrown dice", aliases=("die",))

METHOD = Dice()
"""
ENTRY = """\
    [explorer.methods]
    dice = dice_plugin:METHOD
    """


def install(place: Path) -> None:
    """Put the package into ``place``, which has to be on the path of whoever shall find it."""
    about = place / "dice-1.0.dist-info"
    about.mkdir(parents=True)
    (place / "dice_plugin.py").write_text(METHOD)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: dice\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(textwrap.dedent(ENTRY))
