"""Changes of weights of low rank as adapters (LoRA), in the keys of kohya's scripts or of diffusers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.controls.low_rank import LowRank, LowRankControl
from explorer.errors import ControlError
from explorer.files import atomic_write
from explorer.importers.adapters import layer_of
from explorer.scene.adapters import DIFFUSERS, ENDINGS, KOHYA

_KOHYA_PREFIX, _WEIGHT = "lora_unet_", ".weight"


def keys_in(path: Path) -> str:
    """Whose keys a file of this name holds, by its ending; empty where it is no adapter's."""
    return next((keys for keys, ending in ENDINGS.items() if path.name.lower().endswith(ending)), "")


def write(controls: ControlSet, path: Path) -> Path:
    """Write the one control of the set, of low rank, as an adapter whose keys the ending of ``path`` says
    (:data:`explorer.scene.adapters.ENDINGS`): at 1 it is as strong as here. ``path`` itself.

    Raises :class:`ControlError` for a set of another number of controls, one that is of another kind or not finite,
    and a layer that kohya's names cannot hold; :class:`explorer.errors.ExportError` when the file cannot be written.
    """
    control = _low_rank(controls)
    entries: dict[str, Tensor] = {}
    for name, pair in control.factors.items():
        layer = name.removesuffix(_WEIGHT)
        if layer == name:
            raise ControlError(
                f"'{control.card.name}' changes '{name}', and an adapter changes weights of layers alone; keep the "
                "control set."
            )
        entries |= _ENTRIES[keys_in(path)](layer, pair, control.factor)
    if not all(bool(tensor.isfinite().all()) for tensor in entries.values()):
        raise ControlError(f"'{control.card.name}' holds numbers that are not finite; nothing was written.")
    atomic_write(path, safetensors.torch.save(entries, metadata={"format": "pt"}))
    return path


def _low_rank(controls: ControlSet) -> LowRankControl:
    """The one control of the set. Raises :class:`ControlError`."""
    if len(controls.controls) != 1:
        names = ", ".join(one.card.name for one in controls.controls) or "none"
        raise ControlError(
            f"The file of an adapter holds one control, and the set holds {len(controls.controls)} ({names}); choose "
            "one of them."
        )
    (control,) = controls.controls
    if not isinstance(control, LowRankControl):
        raise ControlError(
            f"The control '{control.card.name}' is of kind '{control.kind}', but adapters are changes of weights of "
            "low rank; keep the .safetensors file of the set."
        )
    return control


def _kohya(layer: str, pair: LowRank, factor: float) -> dict[str, Tensor]:
    """Names with underscores; what the strength is beyond that of ``up`` is said by alpha."""
    name = _KOHYA_PREFIX + layer.replace(".", "_")
    if layer_of(name) != layer:
        raise ControlError(
            f"The layer '{layer}' cannot be told from others in kohya's names; write a file that ends in "
            f"'{ENDINGS[DIFFUSERS]}'."
        )
    down, up = _halves(pair)
    alpha = torch.tensor(factor * pair.down.shape[0])
    return {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": alpha}


def _diffusers(layer: str, pair: LowRank, factor: float) -> dict[str, Tensor]:
    """As ``save_lora_weights`` writes them: names with dots, all of the strength within the matrices."""
    down, up = _halves(pair)
    name = f"unet.{layer}"
    return {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up if factor == 1.0 else up * factor}


_ENTRIES: dict[str, Callable[[str, LowRank, float], dict[str, Tensor]]] = {KOHYA: _kohya, DIFFUSERS: _diffusers}


def _halves(pair: LowRank) -> tuple[Tensor, Tensor]:
    """Copies on the CPU, both of a convolution with kernels: others expect the second one's of one pixel."""
    down, up = (half.detach().cpu().contiguous().clone() for half in pair)
    return down, up.reshape(*up.shape[:2], *(1,) * (down.dim() - 2))
