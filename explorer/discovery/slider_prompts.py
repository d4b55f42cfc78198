"""Text sliders: what a model that reads text says of two prompts, as the way of a slider."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from explorer.discovery.adapter_network import AdapterNetwork
from explorer.discovery.prompts import SEPARATOR, SHOWN, reads_no_text
from explorer.discovery.request import Request
from explorer.discovery.slider_losses import Prompted, prompt_loss
from explorer.errors import ControlError
from explorer.generators.base import Conditional, Generator, Latent
from explorer.generators.diffusion_denoising import Denoises
from explorer.scene.cards import SettingCard
from explorer.scene.model import Condition

PROMPT_STEPS, GUIDANCE = 50, 3.0
"""Samples are drawn with the slider on, by so many steps with so much guidance, as far as a step that chance names."""
PROMPT_SETTINGS = (
    SettingCard(
        name="positive",
        title="Positive prompt",
        default="",
        empty="none",
        help="Of a model that reads text: what more of the slider is; then no attributes are read.",
    ),
    SettingCard(name="negative", title="Negative prompt", default="", empty="none", help="What less of the slider is."),
    SettingCard(
        name="target", title="Target prompt", default="", empty="none", help="The prompt whose pictures are changed."
    ),
    SettingCard(
        name="preserve",
        title="Preserve",
        default="",
        empty="nothing",
        help=f"Attributes that are to stay, with {SEPARATOR} between: each is put behind both prompts, "
        f"such as man {SEPARATOR} woman.",
    ),
    SettingCard(
        name="guidance",
        title="Guidance η",
        default=4.0,
        low=0.0,
        high=100.0,
        help="How much of the difference between the prompts the slider adds at 1.",
    ),
)


def prompt_slider(
    asked: Request, generator: Generator, network: AdapterNetwork
) -> tuple[str, Callable[[int, torch.Generator], Tensor], tuple[str, ...]]:
    """The name of the slider between the prompts of ``asked``, its loss, and lines for its tip. Raises
    :class:`ControlError` for a model that reads no text, and for prompts that are the same."""
    if reason := reads_no_text(asked.model):
        raise ControlError(f"{reason[:-1]}; leave the prompts out, and choose attributes.")
    positive, negative, target = (asked.text(name).strip() for name in ("positive", "negative", "target"))
    if positive == negative:
        raise ControlError("The positive and the negative prompt are the same; a slider leads from one to the other.")
    kept = [text.strip() for text in asked.text("preserve").split(SEPARATOR) if text.strip()] or [""]
    denoiser, batch = cast(Denoises, generator), asked.number("batch")
    start = generator.sample([0] * batch)

    def told(prompt: str) -> Latent:
        return cast(Conditional, generator).conditioned(start, Condition(prompt=prompt, guidance=GUIDANCE))

    def with_kept(prompt: str, attribute: str) -> Latent:
        return told(", ".join(filter(None, (prompt, attribute))))

    prompted = Prompted(told(target), [(with_kept(positive, one), with_kept(negative, one)) for one in kept])
    schedule = denoiser.samplers.schedule
    plan = schedule.plan(PROMPT_STEPS)

    def predicted(x: Tensor, times: Tensor, point: Latent, amount: float) -> Tensor:
        return denoiser.predicted(x, times, point, network.changes(amount) if amount else {})

    def led(x: Tensor, t: float) -> Tensor:
        times = torch.full((len(x),), t, device=x.device)
        return denoiser.predicted(x, times, prompted.target, network.changes(1.0), led=True)

    def loss(step: int, source: torch.Generator) -> Tensor:
        noise = torch.randn(start.tensors["x_T"].shape, generator=source).to(generator.device)
        done = int(torch.randint(1, len(plan.timesteps), (), generator=source))
        with torch.no_grad():
            x = schedule.run(led, noise, plan, 0, done)
        times = torch.full((batch,), plan.timesteps[done], device=generator.device)
        return prompt_loss(predicted, x, times, prompted, asked.real("guidance"))

    name = positive or f"not {negative}"
    lines = (
        f"from '{negative}' to '{positive}', in pictures of '{target}'",
        *((f"keeps {', '.join(kept)}",) if kept[0] else ()),
    )
    return name if len(name) <= SHOWN else f"{name[:SHOWN]}…", loss, lines
