"""Generators as ONNX graphs: ``z`` → picture, with classes and other inputs where there are some; the decoder of a VAE,
and the encoder beside it in one folder. onnxruntime computes them, on CUDA where it is built for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import numpy as np
import torch

from explorer.errors import ExplorerError, ModelError
from explorer.generators import own_folder
from explorer.generators.base import Generator, Progress, Verdict, specimen
from explorer.generators.class_labels import LABEL
from explorer.generators.devices import choose_device
from explorer.generators.onnx_description import Description, description_file, read_description
from explorer.generators.onnx_generator import (
    TRIED,
    TYPES,
    Encoder,
    Graph,
    OnnxAutoencoder,
    OnnxGenerator,
    Prior,
    blank,
)
from explorer.generators.onnx_interface import Interface, interface_of, makes_pictures
from explorer.onnx_graphs.header import FLOATS, Header
from explorer.onnx_graphs.session import external_files, is_graph, open_session, provider_on, read_header
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, SpaceCard

MOST_FILES = 1000
"""In a folder that is looked at."""


@dataclass(frozen=True)
class _Source:
    """What was read of a model before it is loaded. ``place``: what was asked for; ``encoder``: beside the graph."""

    place: Path
    path: Path
    header: Header
    about: Description
    interface: Interface
    encoder: Path | None

    @property
    def files(self) -> list[Path]:
        graphs = [one for one in (self.path, self.encoder) if one is not None]
        files = [file for graph in graphs for file in (graph, *external_files(graph))]
        return [*files, *filter(Path.is_file, [description_file(self.path)])]


class OnnxFamily:
    """Finds and loads them."""

    name: ClassVar[str] = "onnx"
    title: ClassVar[str] = "ONNX generators"
    short_title: ClassVar[str] = "ONNX"

    def specimens(self) -> tuple[ModelCard, ...]:
        """A vector; noise in the shape of a picture; with classes; with a further input; with an encoder."""
        z, noise = SpaceCard(shape=(64,), prior="normal"), SpaceCard(shape=(3, 16, 16), prior="normal")
        truncated = ("truncation",)
        made = (
            specimen(self.name, {"z": z}, truncated),
            specimen(self.name, {"x_T": noise}, ()),
            specimen(self.name, {"w": SpaceCard(shape=(64,))}, truncated),
            specimen(self.name, {"z": z, LABEL: SpaceCard(shape=(10,))}, truncated, classes=10),
            specimen(self.name, {"z": z, "angle": SpaceCard(shape=(2,), prior="normal")}, truncated),
            specimen(self.name, {"z": z}, (*truncated, "encode")),
        )
        return tuple(msgspec.structs.replace(one, differentiable=False) for one in made)

    def identify(self, path: Path) -> Verdict:
        """Mine: an ``.onnx`` file, or a folder of one, that makes pictures of numbers. Broken: one that is damaged, or
        is fed with what is unknown."""
        graph, _ = _graphs(path)
        if graph is None:
            return Verdict(False, "It is neither an .onnx file nor a folder of a decoder's.")
        try:
            header = read_header(graph)
            about = read_description(graph, header)
            if problem := makes_pictures(header, about):
                return Verdict(False, f"'{graph.name}' is no generator of pictures: {problem}.")
            interface_of(graph, header, about)
        except ModelError as error:
            return Verdict(True, str(error), problem=True)
        return Verdict(True, "Its graph makes pictures of points.")

    def describe(self, path: Path) -> ModelCard:
        """The card, from the header; where that leaves the size of pictures open, of one that is drawn."""
        source = _read(path)
        if source.interface.is_known:
            return _card(source, _expected_provider())
        return self.load(path, torch.device("cpu")).card

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """The generator, and a few pictures of it drawn."""
        report = progress or (lambda share: None)
        source = _read(path)
        session = open_session(source.path, source.header, device, lambda tried: blank(source.interface))
        report(0.6)
        graph = Graph(source.path, session, source.interface)
        if not source.interface.is_known:
            graph = Graph(source.path, session, _shown(graph))
            source = _Source(source.place, source.path, source.header, source.about, graph.interface, source.encoder)
        provider = str(session.get_providers()[0])
        generator = OnnxGenerator(_card(source, provider), graph, device, source.about.range)
        report(0.8)
        low, high = generator.range
        told = "as its description says" if source.about.range else f"as {TRIED} of them show"
        text = f"{_runtime(provider)}; pictures are {graph.interface.layout}, {low:g} to {high:g}, {told}"
        card = msgspec.structs.replace(generator.card, runtime=text)
        generator.card = card
        if source.encoder is not None:
            encoder = Encoder(source.encoder, _opened_encoder(source.encoder, device, card.shape), generator)
            generator = OnnxAutoencoder(card, graph, device, generator.range, encoder)
        report(1.0)
        return generator


def _graphs(path: Path) -> tuple[Path | None, Path | None]:
    """The graph that draws, and the encoder beside it, of a file or a folder."""
    if is_graph(path):
        return path, None
    if not path.is_dir():
        return None, None
    inside = [one for _, one in zip(range(MOST_FILES), sorted(path.iterdir()), strict=False)]
    graphs = [one for one in inside if is_graph(one)]
    decoders = [one for one in graphs if "decoder" in one.stem.lower()]
    encoders = [one for one in graphs if "encoder" in one.stem.lower()]
    if len(graphs) == 1 and not encoders:
        return graphs[0], None
    if len(decoders) == 1 and len(graphs) == 1 + len(encoders) and len(encoders) <= 1:
        return decoders[0], next(iter(encoders), None)
    return None, None


def _read(path: Path) -> _Source:
    graph, encoder = _graphs(path)
    if graph is None:
        raise ModelError(f"'{path.name}' is neither an .onnx file nor a folder with one, or with a decoder's.")
    header = read_header(graph)
    about = read_description(graph, header)
    return _Source(path, graph, header, about, interface_of(graph, header, about), encoder)


def _card(source: _Source, provider: str) -> ModelCard:
    interface, about = source.interface, source.about
    spaces: dict[str, SpaceCard] = {}
    for feed in interface.feeds:
        if feed.role in ("latent", "space"):
            is_normal = Prior(feed.about, feed.shape).is_standard
            layers = feed.shape[0] if feed.space == "w_plus" else 0
            spaces[feed.space] = SpaceCard(shape=feed.shape, prior="normal" if is_normal else "", layers=layers)
        elif feed.role != "truncation":
            spaces[feed.space] = SpaceCard(shape=feed.shape)
    first = interface.latent
    spaces = {first.space: spaces.pop(first.space), **spaces}
    has_psi = any(feed.role == "truncation" for feed in interface.feeds)
    capabilities = (
        *(("truncation",) if has_psi or len(first.shape) == 1 else ()),
        *(("encode",) if source.encoder is not None else ()),
    )
    card = own_folder.describe(
        source.place,
        source.files,
        family=OnnxFamily.name,
        output=IMAGE.card(interface.shape),
        spaces=spaces,
        capabilities=capabilities,
        parameters=source.header.parameters,
        notes=about.notes,
        classes=interface.classes,
    )
    return msgspec.structs.replace(
        card,
        licence=card.licence or about.licence,
        origin=card.origin or about.origin,
        runtime=_runtime(provider),
        differentiable=False,
    )


def _runtime(provider: str) -> str:
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__} with {provider}"


def _expected_provider() -> str:
    """Where it would be computed, had it been opened now."""
    try:
        device = choose_device()
    except ExplorerError:  # which is said where something is computed
        device = torch.device("cpu")
    first = provider_on(device)[0]
    return first if isinstance(first, str) else str(first[0])


def _shown(graph: Graph) -> Interface:
    """The interface with the shape of a picture, which only drawing one tells."""
    made = graph.run(blank(graph.interface), graph.interface.batch or 1)
    if made.ndim != 4 or not all(made.shape):
        raise ModelError(f"'{graph.path.name}' makes {made.ndim} dimensions of numbers, which are no pictures.")
    return graph.interface.drawing(made.shape)


def _opened_encoder(path: Path, device: torch.device, shape: Sequence[int]) -> Any:
    """The encoder in ``path``, tried with a picture of ``shape`` where it leaves its own open."""
    header = read_header(path)
    pictures = [one for one in header.inputs if one.kind in FLOATS and len(one.shape or ()) == 4]
    if len(header.inputs) != 1 or len(pictures) != 1:
        inputs = ", ".join(one.text for one in header.inputs)
        raise ModelError(f"The encoder '{path.name}' takes {inputs}; it must take a batch of pictures and no more.")
    inner = (pictures[0].shape or ())[1:]
    is_last = inner[0] not in (0, shape[0]) and inner[2] in (0, shape[0])
    likely = (*shape[1:], shape[0]) if is_last else tuple(shape)
    sides = [own or side for own, side in zip(inner, likely, strict=True)]

    def picture(session: Any) -> dict[str, Any]:
        (given,) = session.get_inputs()
        batch = (pictures[0].shape or (0,))[0] or 1
        return {given.name: np.zeros((batch, *sides), TYPES[pictures[0].kind])}

    return open_session(path, header, device, picture)


FAMILY = OnnxFamily()
