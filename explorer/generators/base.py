"""The generator: turns a latent into outputs, pictures mostly. One protocol for every family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from explorer.causal.base import Values
from explorer.causal.coding import Coding
from explorer.causal.model import StructuralModel
from explorer.controls.base import Control, WeightEdits
from explorer.ending import Progress as Progress
from explorer.numerics.samplers import Callback
from explorer.outputs.image import OUTPUT as IMAGE
from explorer.scene.cards import ModelCard, OutputCard, SpaceCard
from explorer.scene.model import Condition, Quality, StepWindow


@dataclass(frozen=True)
class Latent:
    """Points of one or more spaces, batch first, with the truncation that has yet to be applied on the way to the
    picture.

    ``tensors`` maps a space's name to a (B, *shape) float tensor. The other fields are (B, ...) or None and travel with
    the point: ``truncation_psi`` (B,), which StyleGAN applies between z and w; ``label`` (B, K), how much of each
    class of a conditional model the point is; ``prompt`` and ``negative``, the embeddings of what its text says and
    of what it is led away from; ``guidance`` (B,), how strongly; ``noise_seed`` (B,), of the noise that a stochastic
    sampler adds.

    ``phases``: in the steps of a sampler within the window of one of them the point is that phase's; the windows do not
    overlap, and each holds as many rows. What this latent itself holds is drawn in all other steps.
    """

    tensors: dict[str, Tensor]
    truncation_psi: Tensor | None = None
    label: Tensor | None = None
    prompt: Tensor | None = None
    negative: Tensor | None = None
    guidance: Tensor | None = None
    noise_seed: Tensor | None = None
    phases: tuple[tuple[StepWindow, Latent], ...] = ()

    @property
    def travelling(self) -> dict[str, Tensor | None]:
        """Name → what travels with the point."""
        return {name.name: getattr(self, name.name) for name in fields(self) if name.name not in ("tensors", "phases")}

    @property
    def batch(self) -> int:
        return next(iter(self.tensors.values())).shape[0]

    def with_space(self, space: str, tensor: Tensor) -> Latent:
        """A copy in which ``space`` holds ``tensor``."""
        return self.holding({**self.tensors, space: tensor})

    def holding(self, tensors: dict[str, Tensor]) -> Latent:
        """``tensors`` in place of these in all steps, with all that travels along."""
        return replace(self, tensors=tensors, phases=())

    def at(self, noise: float) -> Latent:
        """The point that is drawn in the step at which a share ``noise`` (0..1) of the schedule is left."""
        return next((latent for window, latent in self.phases if window.holds(noise)), self)

    def each(self, change: Callable[[Tensor], Tensor]) -> Latent:
        """All that is kept for every point of the batch, changed by ``change``: rows picked, repeated, detached."""
        travelling: dict[str, Any] = {
            name: None if tensor is None else change(tensor) for name, tensor in self.travelling.items()
        }
        phases = tuple((window, latent.each(change)) for window, latent in self.phases)
        return Latent({name: change(tensor) for name, tensor in self.tensors.items()}, **travelling, phases=phases)


@runtime_checkable
class Generator(Protocol):
    """A loaded generator of any family. All tensors are on ``device``; outputs are (B, *shape), float32, in [-1, 1],
    of the kind and the shape that ``card.output`` says: (B, C, H, W) where they are pictures."""

    card: ModelCard
    device: torch.device

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One prior point per seed, in the first space of the card; drawn on the CPU, so the same on every device."""

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` with ``space`` filled in from the spaces before it (z → w → w_plus → style); unchanged if it is
        there."""

    def render(self, latent: Latent, quality: Quality) -> Tensor:
        """The outputs of the last space that ``latent`` holds: (B, *shape) in [-1, 1]. Deterministic for its input and
        batch size."""


@runtime_checkable
class Stepwise(Protocol):
    """What a family with the capability ``steps`` adds: pictures are made in steps, as many as one likes."""

    def steps(self, quality: Quality) -> tuple[float, ...]:
        """The training steps that a picture of this quality visits: as many as the picture takes."""

    def render(self, latent: Latent, quality: Quality, callback: Callback | None = None) -> Tensor:
        """As :meth:`Generator.render`; ``callback`` is called after every step that is computed."""


class Predicted(NamedTuple):
    """At the step number ``step`` of a sampler, from 0, which begins where a share ``noise`` (0..1) of the schedule is
    left: the picture (B, C, H, W) in [-1, 1] that is predicted then; None where it is not looked at."""

    step: int
    noise: float
    picture: Tensor | None


class Foreseeing(Stepwise, Protocol):
    """What else a family with the capability ``steps`` adds: which picture is predicted at each step can be seen."""

    def trajectory(self, latent: Latent, quality: Quality, most: int = 0) -> Iterator[Predicted]:
        """Every step of the picture of ``latent``, in their order; at most ``most`` of them, evenly chosen (0: all),
        with its picture, by the fast decoder where there is one. Other pictures may be drawn between two steps."""


class Conditional(Protocol):
    """What a family adds whose models can be told what to draw: those with classes, or with the capability
    ``prompt``."""

    def conditioned(self, latent: Latent, condition: Condition) -> Latent:
        """``latent``, which comes from :meth:`Generator.sample` or is stored, with what ``condition`` says in place of
        what was drawn. Raises :class:`explorer.errors.SceneError` for a class that there is none of."""


class ReadsText(Protocol):
    """What a family with the capability ``prompt`` adds."""

    tokens: int
    """Of a prompt, without the signs of its beginning and its end."""

    def embeddings(self, texts: Sequence[str]) -> Tensor:
        """(N, *shape of the space ``prompt``): what each of ``texts`` says."""

    def words(self, text: str) -> list[str]:
        """The tokens of ``text`` that are read."""

    def unread(self, text: str) -> str:
        """The end of ``text``, behind the tokens that are read; empty where all of it is."""


class Posterior(Protocol):
    """What a family with the capability ``posterior`` adds (VAE encoders)."""

    def posterior(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each (B, latent), of q(z|x) for outputs (B, *shape) in [-1, 1]."""


class Quantised(Protocol):
    """What a family with the capability ``codebook`` adds: every latent takes one of a few values (QLAE)."""

    codebook: Tensor
    """(latents, codes), ascending along each row; on the CPU."""

    usage: Tensor
    """(latents, codes): the share of the training data's pictures that takes each value; rows sum to 1."""


class OwnAxes(Protocol):
    """What a family with the capability ``axes`` adds: the numbers of its first space are not all alike, and it knows
    itself how each is moved (steps along a codebook, the factors of a conditional model)."""

    def axis_controls(self) -> tuple[Control, ...]:
        """One control a number of the first space, those that change pictures most first."""


class CausalLatent(Protocol):
    """What a family with the capability ``causes`` adds: numbers of its first space are variables of a structural
    causal model, so that do(x = v) is a move of the point."""

    def structural_model(self) -> StructuralModel:
        """The model of the variables."""

    def coding(self) -> Coding:
        """How their values lie in the first space."""

    def observed(self) -> Values:
        """Variable → (N,) values of some of the data, as they occur together: what another graph is fitted to."""


class Reweightable(Protocol):
    """What a family with the capability ``weights`` adds: its network can be drawn with other weights."""

    def weight_parts(self) -> dict[str, dict[str, Tensor]]:
        """Title of a part → name → tensor of all that a picture is computed with, in the order of the network."""

    def reweighted(self, edits: WeightEdits) -> Generator:
        """This generator with changed weights: it shares the card and all tensors that do not change. The newest are
        kept, so that asking again costs nothing. Raises :class:`explorer.errors.ControlError` where a tensor's name or
        shape does not fit."""


class KnownTruth(Protocol):
    """What a family with the capability ``true_directions`` adds: it knows which way each factor lies."""

    def true_directions(self, latent: Latent | None = None) -> Tensor:
        """(B, J, D) unit rows in the first space: the way, at each point of ``latent``, in which one factor alone
        changes. Without ``latent`` at the prior's middle, (J, D)."""

    def true_controls(self) -> tuple[Control, ...]:
        """One control a factor, in the same order: each changes one factor alone, however far it goes; its name is the
        factor's."""


@dataclass(frozen=True)
class Verdict:
    """What a family says about a path. ``mine`` with a ``problem`` means: mine, but broken, because …

    ``reason`` is one sentence either way.
    """

    mine: bool
    reason: str
    problem: bool = False


class Family(Protocol):
    """A kind of model file: found by :mod:`explorer.generators.registry` as the module-level ``FAMILY`` of a file in
    this folder."""

    name: ClassVar[str]
    title: ClassVar[str]
    """What its models are called, in the plural."""
    short_title: ClassVar[str]
    """What one model of it is called, before a word such as model."""

    def specimens(self) -> tuple[ModelCard, ...]:
        """Cards of made-up models (:func:`specimen`), one for every set of spaces and capabilities that a model of this
        family may have: what methods are asked about where it is the family that is meant."""

    def identify(self, path: Path) -> Verdict:
        """Whether ``path`` (file or folder) is a model of this family; reads headers only, never raises for bad
        files."""

    def describe(self, path: Path) -> ModelCard:
        """The card of a model of this family, from configuration and headers alone, so that a list of models is quick.

        Raises :class:`explorer.errors.ModelError` with one sentence.
        """

    def load(self, path: Path, device: torch.device, progress: Progress | None = None) -> Generator:
        """Load it, checking every key, shape and number. Raises :class:`explorer.errors.ModelError` with one
        sentence."""


_PICTURES = IMAGE.card((3, 64, 64))


def specimen(
    family: str,
    spaces: dict[str, SpaceCard],
    capabilities: tuple[str, ...],
    output: OutputCard = _PICTURES,
    classes: int = 0,
) -> ModelCard:
    """The card of a made-up model of ``family`` with ``spaces``, ``capabilities``, ``output`` and ``classes``: all
    that a method goes by."""
    return ModelCard(
        name=family,
        family=family,
        path="",
        output=output,
        spaces=spaces,
        fingerprint="",
        capabilities=capabilities,
        classes=classes,
    )


def standard_normal(seeds: Sequence[int], shape: Sequence[int]) -> Tensor:
    """(len(seeds), *shape) float32 N(0, 1) draws on the CPU, each row from its own seed alone (0 ≤ seed < 2**32)."""
    rows = []
    for seed in seeds:
        source = torch.Generator("cpu").manual_seed(int(seed))
        rows.append(torch.randn(tuple(shape), generator=source, dtype=torch.float32))
    return torch.stack(rows)
