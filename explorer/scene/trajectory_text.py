"""What the trajectory says in words. Plain values, no Qt."""

from __future__ import annotations

from explorer.scene.cards import ControlCard, ModelCard
from explorer.scene.edit_text import window_text
from explorer.scene.model import StepWindow
from explorer.scene.trajectory import Trajectory, steps_in

NO_MODEL = "Open a diffusion model or a flow: the pictures that it predicts on its way from noise are shown here."
WAITING = "Drawing the steps of this picture…"
NO_CONTROL = "Move a slider: the steps in which it acts are chosen here."
OLDER = "The pictures are of an older state; they follow as soon as the new picture is there."
STEERED = "Steering begins with the finished picture: each is as far as it was changed by then."
START_SPACE = "x_T"


def in_one_go(card: ModelCard) -> str:
    """Of a model without steps."""
    return f"'{card.name}' draws a picture in one go, so there are no steps to see; open a diffusion model or a flow."


def keeps_beginnings(card: ModelCard) -> bool:
    """Whether steps before a change are kept, and not computed anew: as of all models with one loop around a U-Net,
    whose weights can be changed, too."""
    return bool(card.full_steps) and "weights" in card.capabilities


def steps_text(first: int, past: int) -> str:
    """``step 3``, ``steps 3 to 12``, counted from 1."""
    return f"step {first + 1}" if past - first == 1 else f"steps {first + 1} to {past}"


def percent(noise: float) -> str:
    """``63 %``; one decimal where it is small."""
    share = 100 * noise
    return f"{share:.0f} %" if share >= 9.95 or share < 0.05 else f"{share:.1f} %"


def acts(
    name: str, window: StepWindow | None, trajectory: Trajectory, card: ModelCard, control: ControlCard | None
) -> str:
    """In which steps the control ``name`` acts, and what is not computed anew while it moves."""
    noises = trajectory.noises
    first, past = steps_in(window, noises)
    if window is None:
        return f"{name} acts in all {len(noises)} steps."
    if first == past:
        return f"{name} acts in none of these {len(noises)} steps: none lies{window_text(window)}."
    kept = keeps_beginnings(card)
    if control is not None and control.space == START_SPACE and kept and first > 0:
        where = steps_text(first, past)
        return f"{name} moves the noise with which step 1 begins, so in {where} alone it does nothing."
    told = f"{name} acts in {steps_text(first, past)} of {len(noises)},{window_text(window)}."
    if not kept or trajectory.steered or first == 0:
        return told
    return f"{told} While it moves, {steps_text(0, first)} {'is' if first == 1 else 'are'} not computed anew."


def mark_text(window: StepWindow, card: ModelCard | None) -> str:
    """What a slider with a window says of it, where its steps are not known."""
    lines = [f"Acts{window_text(window)} alone (100 %: pure noise, 0 %: the picture)."]
    if window.high < 1.0 and card is not None and keeps_beginnings(card):
        lines.append(f"The steps above {100 * window.high:.3g} % noise are not computed anew while it moves.")
    lines.append("To change that: View > Show trajectory.")
    return "\n".join(lines)
