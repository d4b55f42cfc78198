"""The ways of pictures: our own schedules, or a scheduler of diffusers with its state and frozen noise."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import torch
from torch import Tensor

from explorer.generators.diffusion_component import library
from explorer.generators.diffusion_scheduler import CLASSES, FolderSamplers
from explorer.generators.schedule import Plan, Schedule
from explorer.numerics.samplers import Callback, Denoiser

LEARNED = ("learned", "learned_range")


class Course(Protocol):
    """The way of one batch of pictures from noise by some sampler, which may keep what it has seen on the way."""

    timesteps: tuple[float, ...]
    """The training steps at which the network is asked, never rising."""

    @property
    def nbytes(self) -> int:
        """Bytes of the samples and predictions that it keeps."""

    def begin(self, noise: Tensor) -> Tensor:
        """The sample before the first step, of standard normal ``noise``."""

    def run(self, denoise: Denoiser, x: Tensor, start: int, stop: int, callback: Callback | None) -> Tensor:
        """The sample after steps ``start`` .. ``stop - 1`` from the sample ``x`` before them. One that keeps something
        has gone the steps before ``start`` itself."""

    def copied(self) -> Course:
        """The same way, gone as far, to be gone on by itself."""


class LibraryCourse:
    """The way of one batch by a scheduler of diffusers. ``streams``: of every row the source of the noise that the
    sampler adds on the way, so that a picture is the same whenever it is drawn."""

    def __init__(self, scheduler: Any, streams: list[torch.Generator]) -> None:
        self._scheduler, self._streams = scheduler, streams
        self.timesteps: tuple[float, ...] = tuple(scheduler.timesteps.tolist())
        self._takes_noise = "generator" in inspect.signature(scheduler.step).parameters
        self._learned = CLASSES["ddpm"] == type(scheduler).__name__ and scheduler.config.variance_type in LEARNED

    def begin(self, noise: Tensor) -> Tensor:
        begun: Tensor = noise * self._scheduler.init_noise_sigma
        return begun

    def run(self, denoise: Denoiser, x: Tensor, start: int, stop: int, callback: Callback | None) -> Tensor:
        for index in range(start, stop):
            time = self._scheduler.timesteps[index]
            predicted = denoise(self._scheduler.scale_model_input(x, time), self.timesteps[index])
            # The second half of the channels is the variance, where the network learned it.
            whole = predicted if self._learned else predicted[:, : x.shape[1]]
            noise = {"generator": self._streams} if self._takes_noise else {}
            x = self._scheduler.step(whole, time, x, return_dict=False, **noise)[0]
            if callback is not None:
                callback(index + 1, x)
        return x

    def copied(self) -> LibraryCourse:
        streams = [stream.clone_state() for stream in self._streams]
        return LibraryCourse(copy.deepcopy(self._scheduler), streams)

    @property
    def nbytes(self) -> int:
        return sum(_bytes(value) for value in vars(self._scheduler).values())


class PlannedCourse:
    """The way of one batch along a plan of our own, which depends on nothing but where it begins."""

    nbytes = 0

    def __init__(self, schedule: Schedule, plan: Plan) -> None:
        self._schedule, self._plan = schedule, plan
        self.timesteps = plan.timesteps

    def begin(self, noise: Tensor) -> Tensor:
        return noise

    def run(self, denoise: Denoiser, x: Tensor, start: int, stop: int, callback: Callback | None) -> Tensor:
        # Networks that also learn the variance return it in a second half of channels; here is no use for it.
        channels = x.shape[1]
        return self._schedule.run(lambda x, t: denoise(x, t)[:, :channels], x, self._plan, start, stop, callback)

    def copied(self) -> PlannedCourse:
        """Itself: it keeps nothing."""
        return self


def _bytes(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.nbytes
    return sum(map(_bytes, value)) if isinstance(value, list) else 0


class Courses:
    """The ways by which pictures of one folder are made."""

    def __init__(self, samplers: FolderSamplers, device: torch.device) -> None:
        self._samplers, self._device = samplers, device
        self._scheduler = lru_cache(maxsize=16)(self._made)

    def course(self, sampler: str, count: int, seeds: Sequence[int], shape: tuple[int, ...]) -> Course:
        """The way by ``sampler`` in ``count`` steps, of samples of ``shape`` (without the batch) with the noise of
        ``seeds``. Raises ValueError where the schedule allows none."""
        # Not in inference mode: what is kept of the way may later be the start of a picture that is differentiated.
        with torch.inference_mode(False):
            plan = self._samplers.plan(count, sampler)
            if plan is not None:
                return PlannedCourse(self._samplers.schedule, plan)
            scheduler = self._scheduler(sampler, min(count, self._samplers.schedule.num_train_timesteps))
            return LibraryCourse(copy.deepcopy(scheduler), [noise_after_start(seed, shape) for seed in seeds])

    def _made(self, sampler: str, count: int) -> Any:
        chosen = getattr(library("diffusers"), CLASSES[sampler])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what NumPy deprecates in the library is nothing to a user
                scheduler = chosen.from_config(dict(self._samplers.entries))
                scheduler.set_timesteps(count, device=self._device)
        except MemoryError:
            raise
        except Exception as error:  # the library raises whatever it stumbles over
            raise ValueError(str(error)) from error
        return scheduler


def noise_after_start(seed: int, shape: tuple[int, ...]) -> torch.Generator:
    """The numbers of ``seed`` from where those of x_T end, as in a pipeline that draws all of them from one source."""
    stream = torch.Generator("cpu").manual_seed(int(seed))
    torch.randn(shape, generator=stream)
    return stream
