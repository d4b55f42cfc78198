"""Parts of pipelines of diffusers and transformers, and text-to-image checkpoints in one file."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look
from explorer.scene.cards import FileUse

_ONE_FILE = "model.diffusion_model."


class PipelineParts:
    """Told by their configuration, or by the names of their tensors."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        part, kind = look.json.get("_class_name"), look.json.get("model_type")
        if isinstance(part, str):
            return (
                f"is a part of a pipeline of diffusers ({part[:60]}) and draws nothing by itself; open the folder "
                "above it, the one with model_index.json."
            )
        if isinstance(kind, str) and "architectures" in look.json:
            return f"is a network of transformers ({kind[:60]}); it reads, and draws no pictures."
        if any(name.startswith(_ONE_FILE) for name in look.shapes):
            return (
                "is a text-to-image checkpoint in one file; convert it to a folder with diffusers "
                "(from_single_file, then save_pretrained with safetensors)."
            )
        if any(name.startswith(("down_blocks.", "mid_block.", "encoder.down_blocks.")) for name in look.shapes):
            return (
                "holds the weights of one part of a pipeline of diffusers; open the folder of the whole pipeline, the "
                "one with model_index.json."
            )
        return ""

    def use(self, look: Look) -> FileUse | None:
        """The pipeline that it is a part of, where that lies around it."""
        above = [folder for folder in list(look.path.parents)[:2] if (folder / "model_index.json").is_file()]
        return FileUse(kind="model", path=str(above[0])) if above else None


KIND = PipelineParts()
