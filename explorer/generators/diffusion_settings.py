"""How a pipeline folder is drawn where nobody chooses: what its ``card.json`` says, else what its kind is drawn
with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.checkpoint import read_card
from explorer.errors import ModelError
from explorer.generators.diffusion_configs import TextUnetConfig
from explorer.generators.diffusion_folder import PipelineFolder
from explorer.generators.diffusion_scheduler import DISTILLED, SCHEDULERS

FULL_STEPS, INTERACTIVE_STEPS = 50, 8
FEW_STEPS, FEWEST_STEPS = 4, 1
"""Of models that were trained to draw in a few."""
GUIDANCE, XL_GUIDANCE, LCM_GUIDANCE = 7.5, 5.0, 8.5
"""What the pipelines of diffusers take where nobody says anything."""
MOST_GUIDANCE = 100.0


@dataclass(frozen=True)
class OwnSettings:
    """``h_window``: highest and lowest training step at which h acts; ``classes``: to choose from; ``null_class``: the
    row of the table of classes that stands for none, -1 where none does; ``guidance`` 0: pictures are not led."""

    full_steps: int
    interactive_steps: int
    h_window: tuple[int, int] | None
    classes: int
    null_class: int
    guidance: float


def own_settings(folder: PipelineFolder) -> OwnSettings:
    """Those of ``folder``. Raises :class:`ModelError` with one sentence for a ``card.json`` that says what cannot
    be."""
    card = read_card(folder.path)
    few = _draws_in_few(folder)
    rows = folder.unet_config.num_class_embeds or 0
    null = _null_class(card, rows)
    return OwnSettings(
        full_steps=_steps(card, "full_steps", FEW_STEPS if few else FULL_STEPS, folder),
        interactive_steps=_steps(card, "interactive_steps", FEWEST_STEPS if few else INTERACTIVE_STEPS, folder),
        h_window=_h_window(card, folder),
        classes=rows - (null >= 0),
        null_class=null,
        guidance=_guidance(card, folder, null >= 0, few),
    )


def _draws_in_few(folder: PipelineFolder) -> bool:
    """Whether it is a consistency model, or a turbo model, which are known by their schedulers: SD-Turbo and
    SD XL-Turbo are the models that come with an Euler sampler of trailing steps."""
    samplers = folder.samplers
    own = SCHEDULERS.get(samplers.class_name, "")
    turbo = own in ("euler", "euler_ancestral") and samplers.entries.get("timestep_spacing") == "trailing"
    return own in DISTILLED or (turbo and bool(folder.text))


def _guidance(card: dict[str, Any], folder: PipelineFolder, has_null: bool, few: bool) -> float:
    if not folder.text and not has_null:
        return 0.0
    config = folder.unet_config
    default = GUIDANCE
    if has_null:
        default = 1.0
    elif isinstance(config, TextUnetConfig) and config.time_cond_proj_dim is not None:
        default = LCM_GUIDANCE
    elif few:  # what was distilled has its guidance within
        default = 1.0
    elif config.takes_sizes:
        default = XL_GUIDANCE
    guidance = card.get("guidance", default)
    if isinstance(guidance, bool) or not isinstance(guidance, int | float) or not 1.0 <= guidance <= MOST_GUIDANCE:
        raise ModelError(f"'card.json': 'guidance' is {guidance!r}; it is a number, 1 (none) to {MOST_GUIDANCE:g}.")
    return float(guidance)


def _null_class(card: dict[str, Any], rows: int) -> int:
    null = card.get("null_class", -1)
    if "null_class" in card and (type(null) is not int or not 0 <= null < rows or rows < 2):
        raise ModelError(
            f"'card.json': 'null_class' is {null!r}; it is the number of the class that stands for none, of {rows}."
        )
    return int(null)


def _steps(card: dict[str, Any], key: str, default: int, folder: PipelineFolder) -> int:
    samplers = folder.samplers
    total = samplers.schedule.num_train_timesteps
    count = card.get(key, min(default, total))
    if type(count) is not int or not 1 <= count <= total:
        raise ModelError(f"'card.json': '{key}' is {count!r}; it is a number of sampler steps, 1..{total}.")
    try:
        samplers.plan(count, samplers.default)
    except ValueError as error:
        raise ModelError(
            f"'{folder.path.name}' cannot be drawn in {count} steps: {error}; say another number as '{key}' in its "
            "card.json."
        ) from error
    return count


def _h_window(card: dict[str, Any], folder: PipelineFolder) -> tuple[int, int] | None:
    window = card.get("h_window")
    if window is None:
        return None
    last = folder.samplers.schedule.num_train_timesteps
    if (
        not isinstance(window, list)
        or len(window) != 2
        or not all(isinstance(step, int) and 0 <= step <= last for step in window)
        or window[0] < window[1]
    ):
        raise ModelError(f"'card.json': 'h_window' is {window!r}; it is [highest, lowest] training step, in 0..{last}.")
    return window[0], window[1]
