"""Programs: source code, notebooks, compiled networks, and pickles of whole objects."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look
from explorer.pickled.records import Record

_HOW = "save its weights with torch.save(network.state_dict(), …) or as safetensors"


class PythonCode:
    """Told by their names and by what is in them; none of it is run."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        if look.suffix == ".py":
            return f"is Python source, which is never run here; open the weights that it trains, or {_HOW}."
        if "cells" in look.json and "nbformat" in look.json:
            return f"is a notebook, which is never run here; run it where it belongs, and {_HOW}."
        if any("/code/" in entry for entry in look.entries):
            return (
                "is a TorchScript archive, which holds a program and is never run here; "
                f"{_HOW}, or export a classifier with torch.onnx.export to use it for attributes."
            )
        if isinstance(look.pickled, Record) and "." in look.pickled.name and not look.pickled.name.startswith("torch."):
            return f"holds a whole Python object ('{look.pickled.name[:80]}'), whose code is never run here; {_HOW}."
        return ""


KIND = PythonCode()
