"""What the configuration of a flow-matching scheduler of diffusers says of pictures: JSON alone, no diffusers.

The picture of a folder is what diffusers' own scheduler makes of the network's velocities from the same noise, in as
many steps. Three things are refused by name: new noise at every step (``stochastic_sampling``), by which no picture
would follow from x_T, levels that depend on the number of a transformer's tokens (``use_dynamic_shifting``), which a
U-Net does not have, and levels that rise (``invert_sigmas``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explorer.errors import ModelError
from explorer.generators.schedule import FiniteNumbers, Plan, converted
from explorer.numerics.integrators import Integrator
from explorer.numerics.rectified_flow import Velocity, solved, way_back
from explorer.numerics.samplers import Callback, Denoiser

EULER, HEUN = "FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"
RHO = 7.0  # Karras et al. 2022
SHAPE = 0.6  # both parameters of the beta distribution, Lee et al. 2024
REFUSED = ("stochastic_sampling", "use_dynamic_shifting", "invert_sigmas")
OF_DYNAMIC_SHIFTING = ("base_shift", "max_shift", "base_image_seq_len", "max_image_seq_len", "time_shift_type")
Levels = NDArray[np.float64]


class FlowSchedule(FiniteNumbers, frozen=True, kw_only=True):
    """The keys that every flow's scheduler has, with diffusers' defaults; Heun's method, which has no others."""

    method: ClassVar[Integrator] = "heun"
    back: ClassVar[str] = "flow"

    num_train_timesteps: int = 1000
    shift: float = 1.0

    def plan(self, count: int) -> Plan:
        """The way of a picture in ``count`` steps, at most as many as in training: levels of noise that fall from all
        of it, and none in the end."""
        count = min(count, self.num_train_timesteps)
        # diffusers shifts the range of levels, and then the levels.
        least = self._shifted(np.array([1.0 / self.num_train_timesteps]))[0]
        levels = self._spaced(self._shifted(np.linspace(1.0, least, count)))
        return Plan(tuple((levels * self.num_train_timesteps).tolist()), (*levels[1:].tolist(), 0.0))

    def run(
        self, denoise: Denoiser, x: Tensor, plan: Plan, start: int, stop: int, callback: Callback | None = None
    ) -> Tensor:
        """Along the flow (:class:`explorer.generators.schedule.Schedule`)."""
        return solved(self.method, self._velocity(denoise), x, self.sigmas(plan), start, stop, callback)

    def way_back(self, denoise: Denoiser, x: Tensor, plan: Plan, refinements: int) -> Iterator[Tensor]:
        """Back along the flow (:class:`explorer.generators.schedule.Schedule`)."""
        return way_back(self.method, self._velocity(denoise), x, self.sigmas(plan), refinements)

    def sigmas(self, plan: Plan) -> tuple[float, ...]:
        """The shares of noise at which the steps of ``plan`` begin, and the last one ends."""
        return plan.timesteps[0] / self.num_train_timesteps, *plan.landings

    def mixture(self, t: float) -> tuple[float, float]:
        """Between picture and noise on a straight line (:class:`explorer.generators.schedule.Schedule`)."""
        share = t / self.num_train_timesteps
        return 1.0 - share, share

    def step_of(self, noise: float) -> float:
        """Any share of noise is one that flows are trained at (:class:`explorer.generators.schedule.Schedule`)."""
        return noise * self.num_train_timesteps

    def whole(self, t: float) -> float:
        """Any share of noise (:class:`explorer.generators.schedule.Schedule`)."""
        return t

    def aim(self, clean: Tensor, noise: Tensor, t: float) -> Tensor:
        """The velocity, from picture to noise (:class:`explorer.generators.schedule.Schedule`)."""
        return noise - clean

    def clean(self, x: Tensor, predicted: Tensor, t: float) -> Tensor:
        """Where the velocity leads at once (:class:`explorer.generators.schedule.Schedule`)."""
        return x - t / self.num_train_timesteps * predicted

    def limit(self) -> None:
        """A flow's pictures are as they are predicted."""

    def sampler_text(self, class_name: str) -> str:
        """The solver of the flow."""
        return f"{self.method.capitalize()}'s method along the flow"

    def _velocity(self, denoise: Denoiser) -> Velocity:
        return lambda x, sigma: denoise(x, sigma * self.num_train_timesteps)

    def _shifted(self, levels: Levels) -> Levels:
        """Towards more noise (Esser et al. 2024, eq. 23)."""
        shifted: Levels = self.shift * levels / (1.0 + (self.shift - 1.0) * levels)
        return shifted

    def _spaced(self, levels: Levels) -> Levels:
        return levels


class EulerFlowSchedule(FlowSchedule, frozen=True, kw_only=True):
    """The keys of ``FlowMatchEulerDiscreteScheduler`` that change pictures."""

    method: ClassVar[Integrator] = "euler"

    shift_terminal: float | None = None
    use_karras_sigmas: bool = False
    use_exponential_sigmas: bool = False
    use_beta_sigmas: bool = False

    def _spaced(self, levels: Levels) -> Levels:
        """The levels between the same ends, as the configuration spaces them."""
        count = len(levels)
        if self.shift_terminal and count > 1:
            levels = 1.0 - (1.0 - levels) * (1.0 - self.shift_terminal) / (1.0 - levels[-1])
        high, low, ramp = levels[0], levels[-1], np.linspace(0.0, 1.0, count)
        spaced: Levels = levels
        if self.use_karras_sigmas:
            spaced = (high ** (1.0 / RHO) + ramp * (low ** (1.0 / RHO) - high ** (1.0 / RHO))) ** RHO
        elif self.use_exponential_sigmas:
            spaced = np.exp(np.linspace(math.log(high), math.log(low), count))
        elif self.use_beta_sigmas:
            from scipy.stats import beta  # here, so that no other model waits for it

            spaced = low + beta.ppf(1.0 - ramp, SHAPE, SHAPE) * (high - low)
        return spaced


SCHEDULES: dict[str, type[FlowSchedule]] = {EULER: EulerFlowSchedule, HEUN: FlowSchedule}
"""diffusers' class → what is read of its file."""
KEYS = frozenset({*EulerFlowSchedule.__struct_fields__, *REFUSED, *OF_DYNAMIC_SHIFTING})
"""All keys of the two."""


def flow_schedule(folder: Path, class_name: str, entries: Mapping[str, Any], no_effect: frozenset[str]) -> FlowSchedule:
    """The scheduler of ``folder``, a ``class_name`` whose file holds ``entries``; keys of schedulers of other sorts
    have ``no_effect``. Raises :class:`ModelError` for a key or a value whose meaning is not known here."""
    kind = SCHEDULES[class_name]
    if kind is EulerFlowSchedule:
        for key in REFUSED:
            if entries.get(key):
                raise ModelError(
                    f"The {class_name} of '{folder.name}' sets '{key}', by which this program cannot draw; it opens "
                    "flows whose levels of noise fall, are the same for every picture, and are drawn without new noise."
                )
    schedule = converted(folder, class_name, entries, kind, no_effect | KEYS)
    _check(folder, schedule)
    return schedule


def _check(folder: Path, schedule: FlowSchedule) -> None:
    if not 1 <= schedule.num_train_timesteps <= 100_000:
        raise ModelError(
            f"The scheduler of '{folder.name}' has {schedule.num_train_timesteps} training steps; that cannot be."
        )
    if not schedule.shift > 0.0:
        raise ModelError(f"The scheduler of '{folder.name}' sets 'shift' to {schedule.shift}; it is above 0.")
    if isinstance(schedule, EulerFlowSchedule):
        if not 0.0 <= (schedule.shift_terminal or 0.0) < 1.0:
            raise ModelError(
                f"The scheduler of '{folder.name}' sets 'shift_terminal' to {schedule.shift_terminal}; it is a share "
                "of noise, between 0 and 1."
            )
        if schedule.use_karras_sigmas + schedule.use_exponential_sigmas + schedule.use_beta_sigmas > 1:
            raise ModelError(f"The scheduler of '{folder.name}' spaces its noise levels in two ways; that cannot be.")
