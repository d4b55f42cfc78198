"""Arrays and tables, which may be directions, codes or labels."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look
from explorer.scene.cards import FileUse

_HOW = "open a model, and then import it as controls if it holds directions (Controls > Import)"


class Numbers:
    """Told by their first bytes, or by their suffix."""

    general: ClassVar[bool] = True

    def told(self, look: Look) -> str:
        if look.head.startswith(b"\x93NUMPY") or any(entry.endswith(".npy") for entry in look.entries):
            return f"holds NumPy arrays and no network; {_HOW}."
        if look.suffix in (".csv", ".tsv"):
            return f"is a table of numbers or names and no network; {_HOW}."
        if look.json:
            return "is a JSON file that describes no model of this program."
        if look.head and b"\0" not in look.head and look.suffix not in (".pt", ".pth", ".ckpt", ".pkl", ".safetensors"):
            return "is a text file and no model."
        return ""

    def use(self, look: Look) -> FileUse | None:
        holds = not look.json and look.suffix in (".npy", ".npz", ".csv", ".tsv")
        return FileUse(kind="controls", path=str(look.path)) if holds else None


KIND = Numbers()
