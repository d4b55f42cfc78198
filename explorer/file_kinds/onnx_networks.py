"""ONNX networks."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look
from explorer.scene.cards import FileUse


class OnnxNetworks:
    """Told by their suffix: the format has no mark at its beginning."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        if look.suffix != ".onnx":
            return ""
        return (
            "is an ONNX network that makes no pictures of points, so it is no generator; a classifier or a regression "
            "of pictures can be chosen as attributes ('--attributes' on the command line)."
        )

    def use(self, look: Look) -> FileUse | None:
        return FileUse(kind="attributes", path=str(look.path))


KIND = OnnxNetworks()
