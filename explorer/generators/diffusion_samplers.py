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
from explorer.generators.diffusion_scheduler import CLASSES, DDPM, LIMITED, FolderSamplers
from explorer.generators.schedule import Plan, Schedule
from explorer.numerics.samplers import Callback, Denoiser, bounded, dynamically_thresholded, split_prediction

LEARNED = ("learned", "learned_range")
CLIPPED = tuple(CLASSES[sampler] for sampler in LIMITED)
THRESHOLDED = tuple(CLASSES[sampler] for sampler in (DDPM, "dpmpp_2m", "unipc", "deis", "lcm", "tcd"))
"""Schedulers that may limit the predicted picture."""


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

    def clean(self, index: int, x: Tensor, predicted: Tensor) -> Tensor:
        """(B, ...): the x_0 that step ``index`` goes by, limits included, where the network predicts ``predicted`` of
        ``x``, what it was given then. Raises ValueError where that prediction says nothing of x_0."""

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

    def clean(self, index: int, x: Tensor, predicted: Tensor) -> Tensor:
        """What the schedulers call ``pred_original_sample`` (:class:`Course`): x is what they scale the sample to, of
        a variance that stays, whichever they count by."""
        config, kind = self._scheduler.config, type(self._scheduler).__name__
        sigmas = getattr(self._scheduler, "sigmas", None)
        if sigmas is None:
            alpha = float(self._scheduler.alphas_cumprod[int(self.timesteps[index])])
        else:
            alpha = 1.0 / (1.0 + float(sigmas[index]) ** 2)
        x0 = split_prediction(x, predicted[:, : x.shape[1]], alpha, config.prediction_type)[0]
        # Other schedulers keep these keys of a file, too, and do not follow them.
        if kind in THRESHOLDED and config.get("thresholding"):
            return dynamically_thresholded(config.dynamic_thresholding_ratio, config.sample_max_value)(x0)
        if kind in CLIPPED and config.get("clip_sample"):
            return bounded(config.clip_sample_range)(x0)
        return x0

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

    def clean(self, index: int, x: Tensor, predicted: Tensor) -> Tensor:
        """As the schedule says (:class:`Course`)."""
        x0, limit = self._schedule.clean(x, predicted[:, : x.shape[1]], self.timesteps[index]), self._schedule.limit()
        return x0 if limit is None else limit(x0)

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
