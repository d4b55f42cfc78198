"""A loaded diffusion model or flow: one loop around its U-Net, with one permanent hook in the middle."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from explorer.controls.base import WeightEdits
from explorer.errors import ModelError
from explorer.generators.base import Generator, Latent, Predicted, standard_normal
from explorer.generators.diffusion_component import block_of, one_line
from explorer.generators.diffusion_conditioning import Conditioner, Conditioning
from explorer.generators.diffusion_decoding import Decoding
from explorer.generators.diffusion_denoising import Denoising
from explorer.generators.diffusion_injection import Injection
from explorer.generators.diffusion_one_step import predicted_by_h
from explorer.generators.diffusion_samplers import Course, Courses
from explorer.generators.diffusion_scheduler import FolderSamplers
from explorer.generators.diffusion_stretches import Beginning, Drawing, Prefixes, Stretch, Weighted
from explorer.generators.diffusion_text import TextConditioner, TextEncoders
from explorer.generators.diffusion_trajectory import predicted
from explorer.generators.digests import digest_of
from explorer.generators.phases import acting, apart
from explorer.generators.weights import WeightViews, grouped, named_tensors
from explorer.memory import BoundedCache, bytes_of
from explorer.numerics.samplers import Callback, last
from explorer.scene.cards import ModelCard
from explorer.scene.model import Condition, Quality, StepWindow

CAPABILITIES = ("steps", "encode", "weights", "renoise")
PREFIX_BYTES = 64 << 20


class DiffusionGenerator(Denoising):
    """Spaces: ``x_T``, the initial noise; of conditional models that of the condition (``label`` or ``prompt``); and
    ``h``, what is added to the middle block's output.

    The same ``h`` is added at every step in ``h_window`` and so moves both terms of a DDIM step (symmetric injection,
    Haas et al. 2024), or the whole velocity of a flow; with guidance in both predictions. ``h_window`` = (highest,
    lowest) training step, both included. A latent may have phases: then what is added, and what the network is told,
    changes on the way. The sample is kept wherever something changes, so that of the next picture only the steps from
    the first change on are computed.
    """

    def __init__(
        self,
        card: ModelCard,
        unet: Any,
        decoding: Decoding,
        samplers: FolderSamplers,
        conditioner: Conditioner,
        device: torch.device,
        h_window: tuple[int, int] | None = None,
    ) -> None:
        self.card = card
        self.device = device
        self.h_window = h_window or (math.inf, -math.inf)  # some samplers count levels below 0
        self.prefixes: Prefixes = BoundedCache(PREFIX_BYTES, bytes_of)
        self.conditioner = conditioner
        self._unet = unet.eval().requires_grad_(False).to(device)
        self._views: WeightViews[Any] = WeightViews()
        self._phases: tuple[Weighted, ...] = ()
        self._decoding, self.samplers = decoding, samplers
        self._courses = Courses(samplers, device)
        self._injection = Injection(self._unet, card.spaces["h"].shape, device) if "h" in card.spaces else None

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One x_T per seed, and what else the seed says. ``truncation_psi`` is ignored: the U-Net was not trained on
        noise of a smaller norm."""
        noise = standard_normal(seeds, self.card.spaces["x_T"].shape).to(self.device)
        streams = torch.tensor([int(seed) for seed in seeds], device=self.device)
        return self.conditioner.drawn(Latent({"x_T": noise}, noise_seed=streams), seeds)

    def conditioned(self, latent: Latent, condition: Condition) -> Latent:
        """``latent`` with what ``condition`` says in place of what was drawn."""
        return self.conditioner.conditioned(latent, condition)

    @property
    def least_steps(self) -> int:
        """As few as a picture may take."""
        return self.samplers.least_steps

    @property
    def tokens(self) -> int:
        """Of a prompt, without the signs of its beginning and its end."""
        return self._texts().tokens

    def embeddings(self, texts: Sequence[str]) -> Tensor:
        """(N, *prompt): what each of ``texts`` says."""
        return torch.stack([self._texts().embedding(text) for text in texts])

    def words(self, text: str) -> list[str]:
        """The tokens of ``text`` that are read."""
        return self._texts().words(text)

    def unread(self, text: str) -> str:
        """The end of ``text``, behind the tokens that are read; empty where all of it is."""
        return self._texts().unread(text)

    def _texts(self) -> TextEncoders:
        if not isinstance(self.conditioner, TextConditioner):
            raise ModelError(f"'{self.card.name}' reads no text.")
        return self.conditioner.encoders

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` with the spaces up to ``space`` filled: with the condition that it has, or with zeros, which
        change nothing. Raises KeyError for a space it has not."""
        names = list(self.card.spaces)
        if space not in names:
            raise KeyError(space)
        # All before it, too: latents that hold different spaces are put into one batch by those that they share.
        for name in names[: names.index(space) + 1]:
            if name not in latent.tensors:
                latent = latent.with_space(name, self._still(latent, name))
        return latent

    def _still(self, latent: Latent, space: str) -> Tensor:
        """The point of ``latent`` in ``space``, where it holds none."""
        if space == "x_T":
            raise KeyError(space)
        if space == self.conditioner.space:
            return self.conditioner.place(latent)
        return torch.zeros((latent.batch, *self.card.spaces[space].shape), device=self.device)

    def steps(self, quality: Quality) -> tuple[float, ...]:
        """The training steps that a picture of this quality visits, falling; some samplers go between two, and some
        visit one twice."""
        return tuple(dict.fromkeys(self._course(quality, [0]).timesteps))

    def render(self, latent: Latent, quality: Quality, callback: Callback | None = None) -> Tensor:
        """(B, C, H, W) in [-1, 1] after ``quality.steps`` steps of ``quality.sampler`` on the folder's schedule, as
        :mod:`explorer.generators.diffusion_scheduler` says. Differentiable in all spaces.

        The same latents in the same batch give the same bits, whether or not a beginning was kept. ``callback`` is
        called after every step that is computed; it may raise to stop.
        """
        drawing = self._drawing(latent, quality, callback)
        return self._decoding.decoded(self._end(latent, quality, drawing), drawing.half, quality.decoder)

    def trajectory(self, latent: Latent, quality: Quality, most: int = 0) -> Iterator[Predicted]:
        """:func:`explorer.generators.diffusion_trajectory.predicted`."""
        return predicted(self, latent, quality, most)

    def predicted_by_h(self, latent: Latent, noise: float, h: Tensor) -> Tensor:
        """:func:`explorer.generators.diffusion_one_step.predicted_by_h`."""
        return predicted_by_h(self, latent, noise, h)

    def _end(self, latent: Latent, quality: Quality, drawing: Drawing, keep: bool = False) -> Tensor:
        """The sample after all steps; ``keep``: that of the last time that this very batch was drawn, if it is kept."""
        return self._through(latent, quality, drawing, self._stretches(latent, drawing.course), keep)[0]

    def bottleneck(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, *h) float32: the mean of :meth:`bottlenecks`."""
        outputs = self.bottlenecks(latent, quality)[1].unbind(1)
        return sum(outputs[1:], outputs[0]) / len(outputs)

    @torch.no_grad()
    def bottlenecks(self, latent: Latent, quality: Quality) -> tuple[tuple[float, ...], Tensor]:
        """(S,) shares of noise (0..1) and (B, S, *h) float32: the middle block's own output in each of the steps at
        which ``h`` would be added.

        What directions in h are found from (the capability ``bottleneck``); with guidance, of the prediction to which
        pictures are led. Raises :class:`ModelError` when a picture of this quality visits none of those steps.
        """
        still = latent.holding({name: tensor for name, tensor in latent.tensors.items() if name != "h"})
        drawing = self._drawing(still, quality)
        first, past = self._acting(drawing.course)
        if first == past:
            high, low = self.h_window
            raise ModelError(
                f"No step of {len(drawing.course.timesteps)} lies in the window {high} to {low} of '{self.card.name}'."
            )
        stretches = self._stretches(still, drawing.course)
        x, drawing = self._through(still, quality, drawing, [one for one in stretches if one.stop <= first])
        assert self._injection is not None  # there is h, or no capability
        self._injection.add(None, len(x))
        with self._injection.heard(len(x)) as outputs:
            self._run(x, drawing, stretches[0].conditioning, first, past)
        count = self.samplers.schedule.num_train_timesteps
        return tuple(t / count for t in drawing.course.timesteps[first:past]), torch.stack(outputs, 1)

    def encode(self, outputs: Tensor, steps: int = 100, refinements: int = 2, like: Latent | None = None) -> Latent:
        """The x_T whose picture is ``outputs`` (B, C, H, W) in [-1, 1], by inversion of the sampler, DDIM (Song et al.
        2021, sec. 4.3) or the flow: the end of :meth:`encoding`."""
        return last(self.encoding(outputs, steps, refinements, like))

    @torch.no_grad()
    def encoding(self, outputs: Tensor, steps: int, refinements: int, like: Latent | None = None) -> Iterator[Latent]:
        """The way from ``outputs`` (B, C, H, W) in [-1, 1] to their x_T, a point after each of the ``steps``, the last
        of which is x_T; of a conditional model under the condition of ``like`` (default: that of a point of which
        nothing was said).

        Each is solved by ``refinements`` fixed-point iterations (Pan et al. 2023). Sampling by DDIM, or along the flow,
        in as many steps or more returns to the picture, not exactly; the x_T found is less normal than a drawn one.
        Limits on the predicted picture are not undone: what they cut off cannot be told from the picture. Pictures may
        be rendered between two steps.
        """
        shape = tuple(outputs.shape[1:])
        if shape != self.card.shape:
            raise ModelError(f"'{self.card.name}' takes pictures of shape {self.card.shape}, not {shape}.")
        x = self._decoding.encoded(outputs.to(self.device, torch.float32))
        latent = Latent({"x_T": x}) if like is None else like.with_space("x_T", x)
        conditioning, schedule = self.conditioner.conditioning(latent), self.samplers.schedule

        def denoise(sample: Tensor, t: float) -> Tensor:
            """In full precision, with nothing added in the middle."""
            self._add(None, len(sample))
            return self._predicted(sample, t, conditioning, half=False)[:, : sample.shape[1]]

        try:
            for sample in schedule.way_back(denoise, x, schedule.plan(steps), refinements):
                yield latent.with_space("x_T", sample)
        except ValueError as error:
            raise ModelError(f"Pictures cannot be encoded by '{self.card.name}': {error}.") from error

    def _drawing(self, latent: Latent, quality: Quality, callback: Callback | None = None) -> Drawing:
        seeds = [0] * latent.batch if latent.noise_seed is None else latent.noise_seed.tolist()
        half = self.device.type == "cuda" and quality.precision != "float32"
        return Drawing(self._course(quality, seeds), half, callback)

    def _course(self, quality: Quality, seeds: Sequence[int]) -> Course:
        """The way of pictures of this quality. Raises :class:`ModelError` where the schedule allows none."""
        names, count = self.samplers.names, quality.steps or self.card.full_steps
        sampler = (quality.sampler or self.samplers.default) if names else ""
        if sampler and sampler not in names:
            raise ModelError(f"'{self.card.name}' cannot be drawn by '{sampler}'; it is drawn by {', '.join(names)}.")
        try:
            return self._courses.course(sampler, count, seeds, self.card.spaces["x_T"].shape)
        except ValueError as error:
            raise ModelError(f"'{self.card.name}' cannot be drawn in {count} steps: {one_line(error)}.") from error

    def _acting(self, course: Course) -> tuple[int, int]:
        """(first, past): the steps at which ``h`` is added."""
        high, low = self.h_window
        return sum(t > high for t in course.timesteps), sum(t >= low for t in course.timesteps)

    def _stretches(self, latent: Latent, course: Course) -> list[Stretch]:
        """All steps of ``course``, in stretches in which nothing changes. Where nothing is added because ``h`` is not,
        a stretch ends all the same: so pictures with and without it are the same bits."""
        first, past = self._acting(course)
        count = self.samplers.schedule.num_train_timesteps
        points = [latent.at(t / count) for t in course.timesteps]
        weights = [self._network_at(t / count).edits for t in course.timesteps]
        told_apart = [(id(point), own) for point, own in zip(points, weights, strict=True)]
        edges = [index for index in range(1, len(points)) if told_apart[index] != told_apart[index - 1]]
        edges = sorted({0, len(points), first, past, *edges})
        told: dict[int, Conditioning] = {}
        stretches: list[Stretch] = []
        differentiated = False
        for start, stop in itertools.pairwise(edges):
            point = points[start]
            if id(point) not in told:
                told[id(point)] = self.conditioner.conditioning(point)
            h = point.tensors.get("h") if first <= start < past else None
            h = None if h is None else h.to(self.device, torch.float32)
            own = [h, point.tensors.get(self.conditioner.space), points[0].tensors["x_T"]]
            differentiated |= any(one is not None and one.requires_grad for one in own)
            stretches.append(Stretch(start, stop, weights[start], told[id(point)], h, differentiated))
        return stretches

    def _through(
        self, latent: Latent, quality: Quality, drawing: Drawing, stretches: Sequence[Stretch], keep: bool = False
    ) -> tuple[Tensor, Drawing]:
        """The sample after ``stretches``, the first of a picture, and how it goes on. Begins where this very batch has
        been, at the picture's end only where ``keep``, and keeps the sample at every end of a stretch."""
        times = drawing.course.timesteps
        noise = latent.at(times[0] / self.samplers.schedule.num_train_timesteps).tensors["x_T"]
        x = drawing.course.begin(noise.to(self.device, torch.float32))
        to_keep = [one for one in stretches if not one.differentiated]
        way = self._way(noise, latent.noise_seed, quality, drawing)
        ends = [(way, *(one.key for one in to_keep[: index + 1])) for index in range(len(to_keep))]
        gone = 0
        for index in reversed(range(len(ends))):
            if to_keep[index].stop == len(times) and not keep:
                continue
            kept = self.prefixes.get(ends[index])
            if kept is not None:
                x, drawing, gone = kept.sample, drawing._replace(course=kept.course.copied()), index + 1
                break
        for index, stretch in enumerate(stretches[gone:], gone):
            self._add(stretch.h, len(x))
            if index >= len(ends):
                x = self._run(x, drawing, stretch.conditioning, stretch.start, stretch.stop)
                continue
            # Not in inference mode: what is kept may later be the start of a picture that is differentiated.
            with torch.inference_mode(False), torch.no_grad():
                x = self._run(x.clone(), drawing, stretch.conditioning, stretch.start, stretch.stop)
                self.prefixes.put(ends[index], Beginning(x, drawing.course.copied()))
        return x, drawing

    def _way(self, noise: Tensor, seeds: Tensor | None, quality: Quality, drawing: Drawing) -> tuple[Hashable, ...]:
        """What tells how this batch begins and goes from every other, whatever it is told on the way."""
        sampler, steps = quality.sampler or self.samplers.default, drawing.course.timesteps
        return digest_of(noise.float()), None if seeds is None else tuple(seeds.tolist()), sampler, steps, drawing.half

    def _run(self, x: Tensor, drawing: Drawing, conditioning: Conditioning, start: int, stop: int) -> Tensor:
        def denoise(sample: Tensor, t: float) -> Tensor:
            predicted = self._predicted(sample, t, conditioning, drawing.half)
            if drawing.hear is not None:
                drawing.hear(sample, t, predicted)
            return predicted

        return drawing.course.run(denoise, x, start, stop, drawing.callback)

    def _predicted(self, x: Tensor, t: float, conditioning: Conditioning, half: bool) -> Tensor:
        time = torch.tensor([t], device=self.device)  # whole, as diffusers gives it, where t is
        unet = self._network_at(t / self.samplers.schedule.num_train_timesteps).unet
        with torch.autocast(self.device.type, torch.float16, enabled=half):
            return conditioning.predicted(unet, x, time)

    def _add(self, h: Tensor | None, batch: int) -> None:
        """Add ``h`` (or nothing) in the middle from now on."""
        if self._injection is not None:
            self._injection.add(h, batch)

    def _network_at(self, noise: float) -> Weighted:
        """The network that draws in the step at which a share ``noise`` (0..1) of the schedule is left."""
        own = Weighted(StepWindow(), (), self._unet)
        return next((one for one in self._phases if one.window.holds(noise)), own)

    def weight_parts(self) -> dict[str, dict[str, Tensor]]:
        """The blocks of the U-Net, in its order."""
        return grouped(named_tensors(self._unet), block_of)

    def reweighted(self, edits: WeightEdits) -> Generator:
        """This generator with changed weights, those with a window in their steps alone. It keeps its beginnings in the
        same place, so what the changes do not reach is not drawn anew."""
        windows = {edit.window or StepWindow() for edit in edits}
        stretches = [(stretch, tuple(acting(edits, stretch))) for stretch in apart(windows)]
        changed = copy.copy(self)
        changed._phases = tuple(Weighted(stretch, own, self._changed(own)) for stretch, own in stretches)
        return changed

    def _changed(self, edits: WeightEdits) -> Any:
        """The U-Net after ``edits``, whatever their windows."""

        def build(unet: Any) -> DiffusionGenerator:
            made = copy.copy(self)
            made._unet = unet
            return made

        plain = tuple(edit._replace(window=None) for edit in edits)
        return cast(DiffusionGenerator, self._views.view(plain, self._unet, self.card.name, build))._unet
