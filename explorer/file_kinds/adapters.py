"""Small changes of large networks: LoRA and its kin, embeddings of words."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look
from explorer.scene.cards import FileUse

_PARTS = (
    "lora_up.", "lora_down.", "lora_A.", "lora_B.", "lora.up.", "lora.down.", "hada_w1_", "lokr_w1", "oft_blocks",
    ".processor.to_q_lora",
)  # fmt: skip
_EMBEDDINGS = {"emb_params", "string_to_param", "clip_l", "clip_g"}


class Adapters:
    """Told by the names of their tensors."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        if _is_adapter(look):
            return (
                f"is an adapter (LoRA, {len(look.shapes)} tensors): it changes the weights of a diffusion model and "
                "draws nothing by itself; open that model, and then the adapter as a control set."
            )
        if look.shapes and set(look.shapes) <= _EMBEDDINGS:
            return "is a learned word (textual inversion) of a text-to-image model, and no model by itself."
        return ""

    def use(self, look: Look) -> FileUse | None:
        """A slider of the model that is open."""
        return FileUse(kind="controls", path=str(look.path)) if _is_adapter(look) else None


def _is_adapter(look: Look) -> bool:
    return any(part in name for name in look.shapes for part in _PARTS)


KIND = Adapters()
