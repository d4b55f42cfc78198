"""WarpedGANSpace (Tzelepis et al., ICCV 2021): the warping functions of ``support_sets.pt`` or ``checkpoint.pt``."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from explorer.controls.following import Flow
from explorer.errors import ControlError
from explorer.fields.rbf import rbf_fields
from explorer.importers import flows
from explorer.importers.base import Importer, Sketch, named, numbers, written
from explorer.importers.files import ForeignFile
from explorer.scene.cards import SettingCard

WRAPPER = "support_sets"
KEYS = ("SUPPORT_SETS", "ALPHAS", "LOGGAMMA")
EPS = 0.2
"""Length of a step of the authors' script unless told otherwise, which follows 16 of them each way."""
STEPS = 16.0


class WarpedGANSpace(Importer):
    """``SUPPORT_SETS`` (K, 2N d), ``ALPHAS`` (K, 2N), ``LOGGAMMA`` (K, 1): K sums of Gaussian bumps, along whose
    gradients one goes at unit speed, in steps of the length eps.

    ``args.json`` beside it says where γ was not learned, and then which it is (gamma, or 1/d without one).
    """

    name = "warpedganspace"
    title = "WarpedGANSpace"
    spaces = ("z", "w")

    def claims(self, file: ForeignFile) -> bool:
        return set(KEYS) <= set(file.state(WRAPPER))

    def questions(self, file: ForeignFile) -> tuple[SettingCard, ...]:
        return (flows.step_question(EPS),)

    def sketch(self, file: ForeignFile) -> Sketch:
        state = file.tensors(WRAPPER)
        for key in KEYS:
            if key not in state:
                raise ControlError(f"'{file.name}' is damaged: its {key} is no tensor; download it again.")
        alphas = numbers(file, "ALPHAS", state["ALPHAS"], (2,))
        count, supports = alphas.shape
        sets = state["SUPPORT_SETS"]
        width = sets.numel() // alphas.numel()
        if tuple(sets.shape) != (count, supports * width) or width == 0:
            raise ControlError(
                f"'{file.name}' is damaged: {count} × {supports} weights do not go with supports of shape "
                f"{written(tuple(sets.shape))}."
            )
        gammas = _gammas(file, state, width, count)
        eps = flows.positive(file, flows.EPS)
        flow = Flow(eps, step=1.0, integrator="euler", unit_speed=True)
        drawn = []
        for index, name in enumerate(named(file, count, "path")):
            # One at a time, for the largest that were released hold 10⁸ numbers.
            own = numbers(file, "SUPPORT_SETS", sets[index : index + 1], (2,)).float()
            try:
                (field,) = rbf_fields(own, alphas[index : index + 1].float(), gammas[index : index + 1])
            except ValueError as error:
                raise ControlError(f"'{file.name}' cannot be followed: set {index} has {error}.") from error
            details = (f"1 step = {eps:g} along the gradient, by Euler", f"γ = {float(gammas[index]):.3g}")
            drawn.append(flows.drawn(name, field, flow, STEPS, details))
        note = f"Followed as its authors do: steps of length {eps:g} along the gradient."
        space = flows.space_of(flows.trainer_settings(file))
        return Sketch(tuple(drawn), (width,), space, note=note, settings=dict(file.answers))


def _gammas(file: ForeignFile, state: Mapping[str, Tensor], width: int, count: int) -> Tensor:
    """(K,) float64 γ of each set. What was not learned stands in ``LOGGAMMA`` too, but rounded."""
    told = flows.trainer_settings(file)
    if told.get("learn_gammas") is False:
        gamma = told.get("gamma")
        value = 1.0 / width if gamma is None else float(gamma) if isinstance(gamma, int | float) else math.nan
        if not 0 < value < math.inf:
            raise ControlError(
                f"The args.json beside '{file.name}' has a gamma of {gamma!r}, which is none; repair it."
            )
        return torch.full((count,), value, dtype=torch.float64)
    gammas = numbers(file, "LOGGAMMA", state["LOGGAMMA"], (1, 2)).flatten().exp()
    if len(gammas) != count:
        raise ControlError(f"'{file.name}' is damaged: it has {len(gammas)} values of LOGGAMMA for {count} sets.")
    return gammas


IMPORTER = WarpedGANSpace()
