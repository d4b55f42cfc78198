"""What the configuration of a diffusers scheduler says of pictures: JSON alone, no diffusers.

The picture of a folder is what diffusers draws from the same noise, in as many steps, by deterministic DDIM on the
folder's own schedule (``DDIMPipeline`` around the folder's scheduler; eta = 0): the same training steps, the same
landings between them, the same limits on the predicted picture. A ``DDPMScheduler`` by itself adds noise at every step
and a ``PNDMScheduler`` takes steps of higher order; these two things are not followed, and the card says so. One
exception: with ``trailing`` some numbers of steps make diffusers visit the step -1, which is none. Schedulers of flows
are in :mod:`explorer.generators.flow_scheduler`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
from torch import Tensor

from explorer.checkpoint import read_json
from explorer.errors import ModelError
from explorer.generators.flow_scheduler import KEYS as FLOW_KEYS
from explorer.generators.flow_scheduler import SCHEDULES as FLOWS
from explorer.generators.flow_scheduler import flow_schedule
from explorer.generators.schedule import FILE, Plan, Schedule, converted
from explorer.numerics.samplers import (
    PREDICTIONS,
    Callback,
    Denoiser,
    Limit,
    bounded,
    ddim,
    dynamically_thresholded,
    way_back,
)
from explorer.numerics.schedules import SPACINGS, alphas_cumprod, timesteps

DDPM, DDIM, PNDM = "DDPMScheduler", "DDIMScheduler", "PNDMScheduler"
SCHEDULERS = (DDPM, DDIM, PNDM, *FLOWS)

NO_EFFECT = frozenset({
    "variance_type",  # of the noise that DDPM adds
    "skip_prk_steps",  # of PNDM's own steps
    "timestep_values", "tensor_format",  # of early versions of diffusers
    # Of other schedulers: diffusers writes them into the file when one class is made from another, and the three
    # classes above do not read them.
    "algorithm_type", "disable_corrector", "euler_at_final", "final_sigmas_type", "flow_shift", "interpolation_type",
    "lambda_min_clipped", "lower_order_final", "predict_x0", "rho", "sigma_data", "sigma_max", "sigma_min",
    "sigma_schedule", "solver_order", "solver_p", "solver_type", "timestep_type", "use_flow_sigmas",
    "use_lu_lambdas",
}) | (FLOW_KEYS - {"num_train_timesteps"})  # fmt: skip
"""Keys that may stand in the file and change no picture of deterministic DDIM."""


class SchedulerConfig(msgspec.Struct, frozen=True, kw_only=True):
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

    def sampler_text(self, class_name: str) -> str:
        """The sampler, what of the folder's own is not followed, and the limits."""
        own = {
            DDPM: ", where its own DDPM sampler would add noise at every step",
            PNDM: ", where its own PNDM sampler would take steps of higher order",
        }
        limits = ""
        if self.thresholding:
            share = f"{self.dynamic_thresholding_ratio:.2%}".replace(".00%", "%")
            limits = f"; predicted pictures are thresholded at the {share} quantile, at most {self.sample_max_value:g}"
        elif self.clip_sample:
            limits = f"; predicted pictures are clipped to ±{self.clip_sample_range:g}"
        return f"deterministic DDIM{own.get(class_name, '')}{limits}"


def read_scheduler(folder: Path, class_name: str) -> Schedule:
    """The scheduler of the pipeline in ``folder``, of the class that its index names.

    Raises :class:`ModelError` with one sentence for a class, a key or a value whose meaning is not known here.
    """
    if class_name not in SCHEDULERS:
        raise ModelError(
            f"The scheduler of '{folder.name}' is a {class_name}, which this program does not know; it knows "
            f"{', '.join(SCHEDULERS)}."
        )
    entries = read_json(folder / "scheduler" / FILE)
    if class_name in FLOWS:
        return flow_schedule(folder, class_name, entries, NO_EFFECT | {*SchedulerConfig.__struct_fields__})
    if class_name == PNDM:  # it has no limits, and another default
        entries = {"set_alpha_to_one": False, **entries, "clip_sample": False, "thresholding": False}
    config = converted(folder, class_name, entries, SchedulerConfig, NO_EFFECT)
    _check_values(folder, config)
    return config


def _check_values(folder: Path, config: SchedulerConfig) -> None:
    betas, total = config.trained_betas, config.num_train_timesteps
    if not 1 <= total <= 100_000 or (betas and len(betas) != total):
        raise ModelError(f"The scheduler of '{folder.name}' has {total} training steps; that cannot be.")
    if config.prediction_type not in PREDICTIONS or config.timestep_spacing not in SPACINGS:
        raise ModelError(
            f"The scheduler of '{folder.name}' has prediction type '{config.prediction_type}' and spacing "
            f"'{config.timestep_spacing}'; this program knows {', '.join(PREDICTIONS)} and {', '.join(SPACINGS)}."
        )
    for key in ("clip_sample_range", "sample_max_value"):
        if not 0.0 < getattr(config, key) < math.inf:
            raise ModelError(f"The scheduler of '{folder.name}' sets '{key}' to {getattr(config, key)}; it is above 0.")
    if not 0.0 <= config.dynamic_thresholding_ratio <= 1.0:
        raise ModelError(
            f"The scheduler of '{folder.name}' sets 'dynamic_thresholding_ratio' to "
            f"{config.dynamic_thresholding_ratio}; it is a share, 0 to 1."
        )
    try:
        config.plan(1)
    except ValueError as error:
        raise ModelError(f"The noise schedule of '{folder.name}' cannot be used: {error}.") from error
