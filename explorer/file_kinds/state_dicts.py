"""State dicts of networks that no family knows: what they look like, and what these can be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from explorer.file_kinds.look import Look
from explorer.file_kinds.quoting import few
from explorer.scene.cards import FileUse

Shapes = Mapping[str, tuple[int, ...]]
_MU = ("mu", "mean", "logvar", "log_var", "log_sigma")


class StateDicts:
    """Told by the names and shapes of their tensors."""

    general: ClassVar[bool] = True

    def told(self, look: Look) -> str:
        shapes = look.shapes
        if look.tensor is not None:
            return (
                f"holds one tensor of shape {look.tensor} and no network; it may be a direction: open a model, and "
                "import it as controls."
            )
        if not shapes:
            return ""
        return f"holds {len(shapes)} tensors ({few(shapes)}) that no family here has; {_looks(shapes)}"

    def use(self, look: Look) -> FileUse | None:
        holds_one = look.tensor is not None or _is_direction(look.shapes)
        return FileUse(kind="controls", path=str(look.path)) if holds_one else None


def _is_direction(shapes: Shapes) -> bool:
    return len(shapes) == 1


def _looks(shapes: Shapes) -> str:
    if _is_direction(shapes):
        ((name, shape),) = shapes.items()
        return f"'{name}' of shape {shape} may be a direction: open a model, and import it as controls."
    parts = {name.split(".")[0].lower() for name in shapes}
    if {"encoder", "decoder"} <= parts or ("decoder" in parts and any(word in name for word in _MU for name in shapes)):
        return (
            "it looks like an autoencoder. Of these, our own folders are read, and the layouts of disentangling-vae, "
            "dent, disentanglement-pytorch, disent and pythae; copy its weights into one of these (docs/models.md)."
        )
    kernels = [shape for shape in shapes.values() if len(shape) == 4]
    last = list(shapes.values())[-1]
    if kernels and len(last) <= 2 and kernels[0][1] in (1, 3):
        outputs = last[0] if last else 0
        return (
            f"it looks like a network that reads pictures ({outputs} outputs), as classifiers and discriminators do; "
            "export it with torch.onnx.export to use it for attributes."
        )
    return (
        "if it draws pictures, save its weights in one of the layouts in docs/models.md: the nearest are a Sequential "
        "of linear layers, and transposed convolutions with batch norm."
    )


KIND = StateDicts()
