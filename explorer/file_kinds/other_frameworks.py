"""Models of TensorFlow, Keras, JAX and llama.cpp."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look

_HOW = "convert its weights to a PyTorch state dict or safetensors in a layout that is listed in docs/models.md"


class OtherFrameworks:
    """Told by their first bytes, their names, and what lies in their folder."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        name = ""
        if look.head.startswith(b"\x89HDF\r\n\x1a\n"):
            name = "an HDF5 file, in which Keras keeps networks"
        elif look.head[4:8] == b"TFL3":
            name = "a TensorFlow Lite network"
        elif look.head.startswith(b"GGUF"):
            return "is a GGUF file, in which llama.cpp keeps language models; these draw no pictures."
        elif "saved_model.pb" in look.entries or look.path.name == "saved_model.pb":
            name = "a TensorFlow SavedModel"
        elif look.suffix == ".pb":
            name = "a frozen TensorFlow graph"
        elif look.suffix in (".index", ".meta") or ".data-00000-of-" in look.path.name:
            name = "part of a TensorFlow checkpoint"
        elif any(entry.endswith(".index") for entry in look.entries) and any(".data-" in e for e in look.entries):
            name = "a TensorFlow checkpoint"
        elif "_CHECKPOINT_METADATA" in look.entries or look.suffix in (".msgpack", ".eqx", ".orbax"):
            name = "a JAX checkpoint"
        return f"is {name}, which this program does not read; {_HOW}." if name else ""


KIND = OtherFrameworks()
