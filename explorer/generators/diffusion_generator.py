"""A loaded diffusion model or flow: our own loop around its U-Net, with one permanent hook in the middle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators.base import Latent, standard_normal
from explorer.generators.prefix_cache import PrefixCache, digest_of
from explorer.generators.schedule import Plan, Schedule
from explorer.numerics.samplers import Callback, last
from explorer.scene.cards import ModelCard
from explorer.scene.model import Quality

CAPABILITIES = ("steps", "encode")
PREFIX_BYTES = 64 << 20


class DiffusionGenerator:
    """Spaces: ``x_T``, the initial noise, and ``h``, what is added to the middle block's output.

    The same ``h`` is added at every step in ``h_window`` and so moves both terms of a DDIM step (symmetric injection,
    Haas et al. 2024), or the whole velocity of a flow. ``h_window`` = (highest, lowest) training step, both included;
    the steps above it do not depend on ``h`` and are kept from one picture to the next.
    """

    def __init__(
        self,
        card: ModelCard,
        unet: Any,
        decoder: Any | None,
        scheduler: Schedule,
        device: torch.device,
        h_window: tuple[int, int] | None = None,
    ) -> None:
        self.card = card
        self.device = device
        self.h_window = h_window or (scheduler.num_train_timesteps, 0)
        self.prefixes = PrefixCache(PREFIX_BYTES)
        self._unet = unet.eval().requires_grad_(False).to(device)
        self._decoder = decoder.eval().requires_grad_(False).to(device) if decoder is not None else None
        self._scheduler = scheduler
        self._injected: Tensor | None = None
        self._heard: Tensor | None = None  # sums the middle block's outputs while `bottleneck` runs
        if unet.mid_block is not None:
            # Registered once and for good, and its buffer edited in place, so that a compiled U-Net stays compiled.
            unet.mid_block.register_forward_hook(self._inject)

    def sample(self, seeds: Sequence[int], truncation_psi: float = 1.0) -> Latent:
        """One x_T per seed. ``truncation_psi`` is ignored: the U-Net was not trained on noise of a smaller norm."""
        return Latent({"x_T": standard_normal(seeds, self.card.spaces["x_T"].shape).to(self.device)})

    def advance(self, latent: Latent, space: str) -> Latent:
        """``latent`` with ``h`` filled with zeros, which change nothing. Raises KeyError for a space it has not."""
        if space in latent.tensors:
            return latent
        if space != "h" or "h" not in self.card.spaces:
            raise KeyError(space)
        shape = (latent.batch, *self.card.spaces["h"].shape)
        return latent.with_space("h", torch.zeros(shape, device=self.device))

    def steps(self, quality: Quality) -> tuple[float, ...]:
        """The training steps that a picture of this quality visits, falling; of a flow, parts of steps, too."""
        return self._plan(quality).timesteps

    def render(self, latent: Latent, quality: Quality, callback: Callback | None = None) -> Tensor:
        """(B, C, H, W) in [-1, 1] after ``quality.steps`` steps on the folder's schedule, as
        :mod:`explorer.generators.diffusion_scheduler` says. Differentiable in x_T and h.

        The same latents in the same batch give the same bits, whether or not a beginning was kept. ``callback`` is
        called after every step that is computed; it may raise to stop.
        """
        x = latent.tensors["x_T"].to(self.device, torch.float32)
        h = latent.tensors.get("h")
        if h is not None:
            h = h.to(self.device, torch.float32)
        plan, half = self._plan(quality), self._half(quality)
        first, past = self._acting(plan)
        x = self._beginning(x, plan, first, half, callback)
        self._set_injected(h, len(x))
        x = self._run(x, plan, first, past, half, callback)
        self._set_injected(None, len(x))
        x = self._run(x, plan, past, len(plan.timesteps), half, callback)
        return self._decode(x, half)

    @torch.no_grad()
    def bottleneck(self, latent: Latent, quality: Quality) -> Tensor:
        """(B, *h) float32: the middle block's own output, averaged over the steps at which ``h`` would be added.

        What directions in h are found from (the capability ``bottleneck``). Raises :class:`ModelError` when a picture
        of this quality visits none of those steps.
        """
        x = latent.tensors["x_T"].to(self.device, torch.float32)
        plan, half = self._plan(quality), self._half(quality)
        first, past = self._acting(plan)
        if first == past:
            high, low = self.h_window
            raise ModelError(
                f"No step of {len(plan.timesteps)} lies in the window {high} to {low} of '{self.card.name}'."
            )
        x = self._beginning(x, plan, first, half, None)
        self._set_injected(None, len(x))
        self._heard = total = torch.zeros((len(x), *self.card.spaces["h"].shape), device=self.device)
        try:
            self._run(x, plan, first, past, half, None)
        finally:
            self._heard = None
        return total / (past - first)

    def encode(self, outputs: Tensor, steps: int = 100, refinements: int = 2) -> Latent:
        """The x_T whose picture is ``outputs`` (B, C, H, W) in [-1, 1], by inversion of the sampler, DDIM (Song et al.
        2021, sec. 4.3) or the flow: the end of :meth:`encoding`."""
        return last(self.encoding(outputs, steps, refinements))

    @torch.no_grad()
    def encoding(self, outputs: Tensor, steps: int, refinements: int) -> Iterator[Latent]:
        """The way from ``outputs`` (B, C, H, W) in [-1, 1] to their x_T, a point after each of the ``steps``, the last
        of which is x_T.

        Each is solved by ``refinements`` fixed-point iterations (Pan et al. 2023). Sampling with as many steps or more
        returns to the picture, not exactly; the x_T found is less normal than a drawn one. Limits on the predicted
        picture are not undone: what they cut off cannot be told from the picture. Pictures may be rendered between two
        steps.
        """
        shape = tuple(outputs.shape[1:])
        if shape != self.card.shape:
            raise ModelError(f"'{self.card.name}' takes pictures of shape {self.card.shape}, not {shape}.")
        x = outputs.to(self.device, torch.float32)
        if self._decoder is not None:
            found = self._decoder.encode(x)
            z = found.latent_dist.mean if hasattr(found, "latent_dist") else found.latents
            x = (z - (self._decoder.config.get("shift_factor") or 0.0)) * self._decoder.config.scaling_factor
        plan = self._plan(Quality(steps=steps))
        try:
            for sample in self._scheduler.way_back(self._plainly, x, plan, refinements):
                yield Latent({"x_T": sample})
        except ValueError as error:
            raise ModelError(f"Pictures cannot be encoded by '{self.card.name}': {error}.") from error

    def _plainly(self, sample: Tensor, t: float) -> Tensor:
        """What the network predicts in full precision, with nothing added in its middle."""
        self._set_injected(None, len(sample))
        return self._denoise(sample, t, half=False)

    def _plan(self, quality: Quality) -> Plan:
        """The way of a picture of this quality. Raises :class:`ModelError` where the schedule allows none."""
        count = quality.steps or self.card.full_steps
        try:
            return self._scheduler.plan(count)
        except ValueError as error:
            raise ModelError(f"'{self.card.name}' cannot be drawn in {count} steps: {error}.") from error

    def _acting(self, plan: Plan) -> tuple[int, int]:
        """(first, past): the steps at which ``h`` is added."""
        high, low = self.h_window
        return sum(t > high for t in plan.timesteps), sum(t >= low for t in plan.timesteps)

    def _beginning(self, x: Tensor, plan: Plan, first: int, half: bool, callback: Callback | None) -> Tensor:
        """The sample before step ``first``, from the cache if this very batch has been there."""
        if first == 0:
            return x
        if x.requires_grad:
            self._set_injected(None, len(x))
            return self._run(x, plan, 0, first, half, callback)
        key = (digest_of(x), plan.timesteps[:first], plan.landings[:first], half)
        kept = self.prefixes.get(key)
        if kept is None:
            self._set_injected(None, len(x))
            # Not in inference mode: what is kept may later be the start of a picture that is differentiated.
            with torch.inference_mode(False), torch.no_grad():
                kept = self._run(x.clone(), plan, 0, first, half, callback)
            self.prefixes.put(key, kept)
        return kept

    def _run(self, x: Tensor, plan: Plan, start: int, stop: int, half: bool, callback: Callback | None) -> Tensor:
        return self._scheduler.run(lambda x, t: self._denoise(x, t, half), x, plan, start, stop, callback)

    def _denoise(self, x: Tensor, t: float, half: bool) -> Tensor:
        time = torch.tensor([t], device=self.device)  # whole, as diffusers gives it, where t is
        with torch.autocast(self.device.type, torch.float16, enabled=half):
            predicted: Tensor = self._unet(x, time, return_dict=False)[0]
        # Networks that also learn the variance return it in a second half of channels; DDIM has no use for it.
        return predicted[:, : x.shape[1]].float()

    def _decode(self, x: Tensor, half: bool) -> Tensor:
        if self._decoder is not None:
            config = self._decoder.config
            z = x / config.scaling_factor + (config.get("shift_factor") or 0.0)
            with torch.autocast(self.device.type, torch.float16, enabled=half):
                x = self._decoder.decode(z, return_dict=False)[0]
        return x.float().clamp(-1.0, 1.0)

    def _half(self, quality: Quality) -> bool:
        return self.device.type == "cuda" and quality.precision != "float32"

    def _set_injected(self, h: Tensor | None, batch: int) -> None:
        """Put ``h`` (or zeros) into the hook's buffer, in place; one that wants gradients stands in for the buffer."""
        if "h" not in self.card.spaces:
            return
        if h is not None and h.requires_grad:
            self._injected = h
            return
        held = self._injected
        if held is None or held.requires_grad or held.shape[0] != batch:
            with torch.inference_mode(False):  # a buffer of inference mode could not be edited outside it
                self._injected = held = torch.zeros((batch, *self.card.spaces["h"].shape), device=self.device)
        if h is None:
            held.zero_()
        else:
            held.copy_(h)

    def _inject(self, module: Any, inputs: Any, output: Tensor) -> Tensor:
        if self._heard is not None:
            self._heard.add_(output.float())
        return output if self._injected is None else output + self._injected.to(output.dtype)
