"""What the configuration of a diffusers scheduler says of pictures: JSON alone, no diffusers.

A folder can be drawn by any of :data:`CLASSES`. Deterministic DDIM is our own (``DDIMPipeline`` around the folder's
scheduler; eta = 0): the same training steps, the same landings between them, the same limits on the predicted picture.
One exception: with ``trailing`` some numbers of steps make diffusers visit the step -1, which is none. The others are
the schedulers of diffusers themselves (:mod:`explorer.generators.diffusion_samplers`), made of the folder's file as
``from_config`` makes them. Where nobody chooses, a folder is drawn by its own sampler; a ``DDPMScheduler``, which adds
noise at every step, by DDIM instead, and the card says so. Flows (:mod:`explorer.generators.flow_scheduler`) are drawn
by their own alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from explorer.checkpoint import read_json
from explorer.errors import ModelError, instead
from explorer.generators.flow_scheduler import KEYS as FLOW_KEYS
from explorer.generators.flow_scheduler import SCHEDULES as FLOWS
from explorer.generators.flow_scheduler import flow_schedule
from explorer.generators.schedule import FILE, FiniteNumbers, Plan, Schedule, converted
from explorer.numerics.samplers import (
    PREDICTIONS,
    Callback,
    Denoiser,
    Limit,
    bounded,
    ddim,
    dynamically_thresholded,
    split_prediction,
    way_back,
)
from explorer.numerics.schedules import SPACINGS, alphas_cumprod, timesteps
from explorer.scene.samplers import SAMPLERS

DDIM, DDPM = "ddim", "ddpm"
CLASSES = {
    DDIM: "DDIMScheduler",
    DDPM: "DDPMScheduler",
    "pndm": "PNDMScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_ancestral": "EulerAncestralDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "lms": "LMSDiscreteScheduler",
    "dpmpp_2m": "DPMSolverMultistepScheduler",
    "unipc": "UniPCMultistepScheduler",
    "deis": "DEISMultistepScheduler",
    "lcm": "LCMScheduler",
    "tcd": "TCDScheduler",
}
"""Sampler → its class in diffusers; the order is that of lists."""
SCHEDULERS = {class_name: sampler for sampler, class_name in CLASSES.items()}
LIMITED = (DDIM, DDPM, "heun", "lcm", "tcd")
"""Samplers whose files say whether what is predicted is clipped."""
DISTILLED = ("lcm", "tcd")
"""Samplers of models that were distilled to draw in a few of the steps of another sampler."""
DISTILLED_STEPS = 50
"""Of that other sampler, where the file does not say."""
_LATENT = {"beta_start": 0.00085, "beta_end": 0.012, "clip_sample": False}
OWN_DEFAULTS: dict[str, dict[str, Any]] = {
    "pndm": {"set_alpha_to_one": False},
    "heun": {**_LATENT, "timestep_spacing": "linspace"},
    **{name: {**_LATENT, "beta_schedule": "scaled_linear"} for name in DISTILLED},
    **{
        name: {"timestep_spacing": "linspace"}
        for name in ("euler", "euler_ancestral", "lms", "dpmpp_2m", "unipc", "deis")
    },
}
"""Sampler → what its class takes where a key is missing, unlike DDIM's."""
WITHOUT_ZERO_SNR = ("pndm", "heun", "lms", "deis")
"""Samplers whose classes do not know schedules that end where no signal is left, and would follow another."""
RUNGE_KUTTA_STEPS = 4

OF_OTHERS = frozenset({
    "variance_type", "skip_prk_steps", "original_inference_steps", "timestep_scaling",
    "timestep_values", "tensor_format",  # of early versions of diffusers
    "algorithm_type", "disable_corrector", "euler_at_final", "final_sigmas_type", "flow_shift", "interpolation_type",
    "lambda_min_clipped", "lower_order_final", "predict_x0", "rho", "sigma_data", "sigma_max", "sigma_min",
    "sigma_schedule", "solver_order", "solver_p", "solver_type", "timestep_type", "use_flow_sigmas",
    "use_lu_lambdas",
}) | (FLOW_KEYS - {"num_train_timesteps"})  # fmt: skip
"""Keys that DDIM does not read and another scheduler may: diffusers writes them into the file when one class is made
from another, and each class reads its own."""


class SchedulerConfig(FiniteNumbers, frozen=True, kw_only=True):
    """The keys that decide a picture: the arguments of diffusers' ``DDIMScheduler``, with its defaults."""

    back: ClassVar[str] = "ddim"

    num_train_timesteps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 0.02
    beta_schedule: str = "linear"
    trained_betas: tuple[float, ...] | None = None
    clip_sample: bool = True
    set_alpha_to_one: bool = True
    steps_offset: int = 0
    prediction_type: str = "epsilon"
    thresholding: bool = False
    dynamic_thresholding_ratio: float = 0.995
    clip_sample_range: float = 1.0
    sample_max_value: float = 1.0
    timestep_spacing: str = "leading"
    rescale_betas_zero_snr: bool = False

    def alphas_cumprod(self) -> Tensor:
        """(T,) float64."""
        return alphas_cumprod(
            self.beta_schedule, self.num_train_timesteps, self.beta_start, self.beta_end,
            self.trained_betas, self.rescale_betas_zero_snr,
        )  # fmt: skip

    def limit(self) -> Limit | None:
        """What is done to the predicted x_0 at every step; None where it stays as it is."""
        if self.thresholding:  # diffusers, too, lets it come before clipping
            return dynamically_thresholded(self.dynamic_thresholding_ratio, self.sample_max_value)
        return bounded(self.clip_sample_range) if self.clip_sample else None

    def plan(self, count: int) -> Plan:
        """The way of a picture in ``count`` steps (at most as many as in training).

        As in diffusers a step lands T // count lower, which is the next entry only where T is a multiple of ``count``.
        Raises ValueError where the network's prediction would say nothing of x_0 at the first step, or of the noise at
        the last.
        """
        count = min(count, self.num_train_timesteps)
        visited = timesteps(count, self.num_train_timesteps, self.timestep_spacing, self.steps_offset)
        alphas = self.alphas_cumprod().tolist()
        if self.prediction_type == "epsilon" and alphas[visited[0]] == 0.0:
            raise ValueError("a network that predicts the noise cannot start where no signal is left")
        if self.prediction_type == "sample" and alphas[visited[-1]] == 1.0:
            raise ValueError("a network that predicts the sample cannot end where there is no noise")
        stride, final = self.num_train_timesteps // count, 1.0 if self.set_alpha_to_one else alphas[0]
        return Plan(visited, tuple(alphas[t - stride] if t >= stride else final for t in visited))

    def run(
        self, denoise: Denoiser, x: Tensor, plan: Plan, start: int, stop: int, callback: Callback | None = None
    ) -> Tensor:
        """By deterministic DDIM (:class:`Schedule`)."""
        visited, powers = [int(t) for t in plan.timesteps], self.alphas_cumprod()
        return ddim(
            denoise, x, visited, powers, self.prediction_type, plan.landings, self.limit(), start, stop, callback
        )

    def way_back(self, denoise: Denoiser, x: Tensor, plan: Plan, refinements: int) -> Iterator[Tensor]:
        """By DDIM inversion (:class:`Schedule`); limits are not undone."""
        visited, powers = [int(t) for t in plan.timesteps], self.alphas_cumprod()
        return way_back(denoise, x, visited, powers, self.prediction_type, plan.landings, refinements)

    def mixture(self, t: float) -> tuple[float, float]:
        """At a whole step of training (:class:`Schedule`)."""
        alpha = float(self.alphas_cumprod()[int(t)])
        return math.sqrt(alpha), math.sqrt(1.0 - alpha)

    def step_of(self, noise: float) -> float:
        """The training step of the nearest noise (:class:`Schedule`)."""
        return int(((1.0 - self.alphas_cumprod()).sqrt() - noise).abs().argmin())

    def whole(self, t: float) -> int:
        """Whole steps alone (:class:`Schedule`)."""
        return int(t)

    def aim(self, clean: Tensor, noise: Tensor, t: float) -> Tensor:
        """By the type of its prediction (:class:`Schedule`)."""
        signal, share = self.mixture(t)
        return {"epsilon": noise, "sample": clean}.get(self.prediction_type, signal * noise - share * clean)

    def clean(self, x: Tensor, predicted: Tensor, t: float) -> Tensor:
        """Without the limits of the schedule (:class:`Schedule`)."""
        return split_prediction(x, predicted, float(self.alphas_cumprod()[int(t)]), self.prediction_type)[0]

    def sampler_text(self, class_name: str) -> str:
        """The sampler, what of the folder's own is not followed, and the limits."""
        own = ", where its own DDPM sampler would add noise at every step" if class_name == CLASSES[DDPM] else ""
        limits = ""
        if self.thresholding:
            share = f"{self.dynamic_thresholding_ratio:.2%}".replace(".00%", "%")
            limits = f"; predicted pictures are thresholded at the {share} quantile, at most {self.sample_max_value:g}"
        elif self.clip_sample:
            limits = f"; predicted pictures are clipped to ±{self.clip_sample_range:g}"
        return f"deterministic DDIM{own}{limits}"


@dataclass(frozen=True)
class FolderSamplers:
    """By which samplers a folder can be drawn. ``class_name``: of its scheduler; ``entries``: its file; ``names``: all,
    the one that is taken where nobody chooses first; of a flow none, it is drawn by its ``schedule`` alone.
    ``schedule``: the file as DDIM reads it, or as the flow's own."""

    class_name: str
    names: tuple[str, ...]
    entries: dict[str, Any]
    schedule: Schedule

    @property
    def default(self) -> str:
        """What is taken where nobody chooses; empty of a flow."""
        return self.names[0] if self.names else ""

    @property
    def least_steps(self) -> int:
        """Of the sampler that is taken where nobody chooses."""
        return RUNGE_KUTTA_STEPS if self._takes_runge_kutta(self.default) else 1

    def plan(self, count: int, sampler: str) -> Plan | None:
        """The way in ``count`` steps by our own DDIM, or along a flow; None where ``sampler`` is one of diffusers'.
        Raises ValueError where it cannot draw in so many, as far as JSON tells."""
        if sampler in ("", DDIM):
            return self.schedule.plan(count)
        if count < RUNGE_KUTTA_STEPS and self._takes_runge_kutta(sampler):
            raise ValueError(f"PNDM begins with Runge-Kutta steps and takes {RUNGE_KUTTA_STEPS} at least")
        most = self.entries.get("original_inference_steps", DISTILLED_STEPS)
        if sampler in DISTILLED and isinstance(most, int) and count > most:
            raise ValueError(f"{SAMPLERS[sampler]} takes some of the {most} steps that it was distilled from")
        return None

    def text(self) -> str:
        """How pictures are drawn where nobody chooses, for the card."""
        if self.default in ("", DDIM):
            return self.schedule.sampler_text(self.class_name)
        return f"{SAMPLERS[self.default]}, as the folder sets it"

    def _takes_runge_kutta(self, sampler: str) -> bool:
        """As PNDM does where its file does not skip them."""
        return sampler == "pndm" and not self.entries.get("skip_prk_steps", False)


def read_scheduler(folder: Path, class_name: str) -> FolderSamplers:
    """The samplers of the pipeline in ``folder``, whose index names a scheduler of the class ``class_name``.

    Raises :class:`ModelError` with one sentence for a class, a key or a value whose meaning is not known here.
    """
    if class_name not in (*SCHEDULERS, *FLOWS):
        raise ModelError(
            f"The scheduler of '{folder.name}' is a {class_name}, which this program does not know; "
            f"{instead(class_name, (*SCHEDULERS, *FLOWS))}"
        )
    entries = read_json(folder / "scheduler" / FILE)
    if class_name in FLOWS:
        schedule = flow_schedule(folder, class_name, entries, OF_OTHERS | {*SchedulerConfig.__struct_fields__})
        return FolderSamplers(class_name, (), entries, schedule)
    own = SCHEDULERS[class_name]
    if own not in LIMITED:  # where the file does not say, DDIM would clip
        entries = {
            **entries,
            "clip_sample": False,
            "thresholding": own != "pndm" and entries.get("thresholding", False),
        }
    config = converted(folder, class_name, {**OWN_DEFAULTS.get(own, {}), **entries}, SchedulerConfig, OF_OTHERS)
    names = [sampler for sampler in CLASSES if sampler == own or _fits(sampler, config)]
    first = DDIM if own in (DDIM, DDPM) else own
    _check_values(folder, config, by_ddim=first == DDIM)
    return FolderSamplers(class_name, (first, *(name for name in names if name != first)), entries, config)


def _fits(sampler: str, config: SchedulerConfig) -> bool:
    """Whether ``sampler`` can follow a schedule that was written for another."""
    if sampler in ("pndm", "euler_ancestral") and config.prediction_type == "sample":
        return False
    if sampler in WITHOUT_ZERO_SNR and config.rescale_betas_zero_snr:
        return False
    return sampler in (DDIM, DDPM) or config.beta_schedule in ("linear", "scaled_linear", "squaredcos_cap_v2")


def _check_values(folder: Path, config: SchedulerConfig, by_ddim: bool) -> None:
    betas, total = config.trained_betas, config.num_train_timesteps
    if not 1 <= total <= 100_000 or (betas and len(betas) != total):
        raise ModelError(f"The scheduler of '{folder.name}' has {total} training steps; that cannot be.")
    if config.prediction_type not in PREDICTIONS or config.timestep_spacing not in SPACINGS:
        raise ModelError(
            f"The scheduler of '{folder.name}' has prediction type '{config.prediction_type}' and spacing "
            f"'{config.timestep_spacing}'; this program knows {', '.join(PREDICTIONS)} and {', '.join(SPACINGS)}."
        )
    for key in ("clip_sample_range", "sample_max_value"):
        if not getattr(config, key) > 0.0:
            raise ModelError(f"The scheduler of '{folder.name}' sets '{key}' to {getattr(config, key)}; it is above 0.")
    if not 0.0 <= config.dynamic_thresholding_ratio <= 1.0:
        raise ModelError(
            f"The scheduler of '{folder.name}' sets 'dynamic_thresholding_ratio' to "
            f"{config.dynamic_thresholding_ratio}; it is a share, 0 to 1."
        )
    try:
        config.plan(1) if by_ddim else config.alphas_cumprod()
    except ValueError as error:
        raise ModelError(f"The noise schedule of '{folder.name}' cannot be used: {error}.") from error
