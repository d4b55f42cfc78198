"""The pickles of NVIDIA's StyleGAN2-ADA and StyleGAN3, read as data.

Such a file is a dictionary with the networks ``G``, ``D`` and ``G_ema``, the average of G that draws the pictures. A
network, and every layer of it, is one call of ``torch_utils.persistence._reconstruct_persistent_obj`` on a dictionary:
``class_name``, the Python source of the class in ``module_src``, and ``state``, its attributes. The source is a text
here, and nothing runs it. All functions raise :class:`explorer.errors.ModelError` with one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from explorer.errors import ModelError
from explorer.pickled.records import Payload, Record, admitted
from explorer.pickled_tensors import TENSOR_NAMES, StoredTensor, parser, read_pickled, stored_tensor
from explorer.reading import HashedFile

SUFFIXES = (".pkl", ".pickle")
RECONSTRUCT = "torch_utils.persistence._reconstruct_persistent_obj"
_TENSORFLOW = frozenset({"dnnlib.tflib.network.Network", "tflib.network.Network", "tfutil.Network", "network.Network"})
_NUMPY = frozenset(
    {"numpy.ndarray", "numpy.dtype"}
    | {f"{core}.{name}" for core in ("numpy.core", "numpy._core") for name in (
        "multiarray._reconstruct", "multiarray.scalar", "numeric._frombuffer")}
)  # fmt: skip
_TORCH = frozenset(
    {"torch.Size", "torch.device", "torch.float32", "torch.float16", "torch.contiguous_format", "torch.channels_last"}
)
# Those of PyTorch's own layers are in some discriminators.
_ADMITS = admitted(TENSOR_NAMES | _NUMPY | _TENSORFLOW | _TORCH | {RECONSTRUCT}, prefixes=("torch.nn.modules.",))
_KIND = "a pickle of a network"
_MOST_LAYERS, _DEEPEST = 20_000, 16


@dataclass(frozen=True)
class OfficialNetwork:
    """``G_ema`` of a file, as data. ``tensors`` of the whole network by their official names; ``attributes`` of every
    layer by its name (empty: of the network itself), those that are plain values."""

    class_name: str
    tensors: dict[str, StoredTensor] = field(default_factory=dict)
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def arguments(self, layer: str = "") -> dict[str, Any]:
        """What a layer was made with, by name."""
        named = self.attributes.get(layer, {}).get("_init_kwargs", {})
        return named if isinstance(named, dict) else {}

    def value(self, layer: str, name: str, fallback: Any) -> Any:
        """The attribute ``name`` of ``layer``, or what the network was made with under that name, or ``fallback``."""
        if name in self.attributes.get(layer, {}):
            return self.attributes[layer][name]
        arguments = self.arguments()
        for group in (f"{layer.partition('.')[0]}_kwargs", "synthesis_kwargs"):
            if isinstance(grouped := arguments.get(group), dict) and name in grouped:
                return grouped[name]
        return arguments.get(name, fallback)


def is_official(path: Path) -> bool:
    """Whether ``path`` has the name of such a file."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def read_network(path: Path) -> OfficialNetwork | None:
    """What the file says of ``G_ema``; None where it is a pickle of something else altogether."""
    found: OfficialNetwork | _TensorFlow | None = read_pickled(path, _content, _KIND)
    if isinstance(found, _TensorFlow):
        raise ModelError(_advice(path, found.version))
    if isinstance(found, OfficialNetwork) and not found.class_name:
        raise ModelError(f"'{path.name}' holds no network as 'G_ema', the one that draws pictures; it is incomplete.")
    return found


@dataclass(frozen=True)
class _TensorFlow:
    """A network for TensorFlow; ``version``: of its format, 4 from StyleGAN2 on, 0 where it says none."""

    version: int


def _content(file: HashedFile) -> OfficialNetwork | _TensorFlow | None:
    """What is in a pickle; a network without a class where there should be one and is none."""
    content = parser(_ADMITS)(file)
    for record in content if isinstance(content, tuple | list) else (content,):
        if isinstance(record, Record) and record.name in _TENSORFLOW:
            version = record.state.get("version") if isinstance(record.state, dict) else 0
            return _TensorFlow(version if type(version) is int else 0)
    if not isinstance(content, dict) or not {"G_ema", "G", "D"} & set(content):
        return None
    network = content.get("G_ema")
    try:
        return _flattened(network) if isinstance(network, Record) else OfficialNetwork("")
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"a network that is none ({type(error).__name__})") from error


def _advice(path: Path, version: int) -> str:
    if version >= 4:
        return (
            f"'{path.name}' is a network of StyleGAN2's TensorFlow version, which this program does not read; convert "
            "it with 'legacy.py --source … --dest …' of NVIDIA's stylegan3 repository and open what that writes."
        )
    return (
        f"'{path.name}' is a network of the first StyleGAN or of Progressive GAN, for TensorFlow, which this program "
        "does not read, and NVIDIA's converter (legacy.py of stylegan3) takes StyleGAN2 only; look for one for PyTorch."
    )


def _flattened(network: Record) -> OfficialNetwork:
    name, state = _layer(network)
    found = OfficialNetwork(name)
    waiting = [("", state, 0)]
    layers = 0
    while waiting:
        prefix, state, depth = waiting.pop()
        layers += 1
        if layers > _MOST_LAYERS or depth > _DEEPEST:
            raise ValueError("more layers than any network has")
        found.attributes[prefix] = {key: value for key, value in state.items() if _plain(value)}
        for key, value in _children(state, "_parameters", "_buffers"):
            tensor = stored_tensor(value)
            if tensor is None:
                raise ValueError("a parameter that is no tensor")
            found.tensors[_joined(prefix, key)] = tensor
        for key, value in _children(state, "_modules"):
            waiting.append((_joined(prefix, key), _layer(value)[1], depth + 1))
    return found


def _layer(record: Any) -> tuple[str, dict[Any, Any]]:
    """(class name, attributes) of a layer, which one of PyTorch's own has as its state."""
    if not isinstance(record, Record):
        raise ValueError("a layer that is none")
    if record.name != RECONSTRUCT:
        return record.name, _attributes(record.state)
    described = record.arguments[0]
    if described.get("type") != "class":
        raise ValueError("a layer of no class")
    return str(described["class_name"]), _attributes(described["state"])


def _attributes(state: Any) -> dict[Any, Any]:
    if not isinstance(state, dict):
        raise ValueError("a layer without attributes")
    return state


def _children(state: dict[Any, Any], *groups: str) -> Iterator[tuple[str, Any]]:
    for group in groups:
        members = state.get(group) or {}
        if not isinstance(members, dict):
            raise ValueError(f"{group} that are no dictionary")
        yield from ((str(key), value) for key, value in members.items() if value is not None)


def _joined(prefix: str, key: str) -> str:
    return f"{prefix}.{key}" if prefix else key


def _plain(value: Any) -> bool:
    return not isinstance(value, Record | Payload | bytes)
