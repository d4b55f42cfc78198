"""Folders that are no model but may hold some."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look
from explorer.file_kinds.quoting import few

_MODELS = (".pt", ".pth", ".ckpt", ".safetensors", ".pkl", ".tar", ".bin", ".onnx")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SEVERAL = 8


class Folders:
    """Told by the names in them."""

    general: ClassVar[bool] = True

    def told(self, look: Look) -> str:
        if not look.is_folder:
            return ""
        if not look.entries:
            return "is an empty folder."
        models = sorted(entry for entry in look.entries if entry.lower().endswith(_MODELS))
        if models:
            return f"is a folder that belongs to no family as a whole; open a file in it: {few(models)}."
        folders = sorted(entry for entry in look.entries if entry.endswith("/"))
        pictures = sum(entry.lower().endswith(_PICTURES) for entry in look.entries)
        if pictures >= SEVERAL:
            return f"is a folder of {pictures} pictures and no model; a model is trained on pictures like these first."
        if folders:
            return f"is a folder of folders, none of which makes it a model; open one of them: {few(folders)}."
        return f"is a folder without any model in it ({few(sorted(look.entries))})."


KIND = Folders()
