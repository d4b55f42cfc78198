"""What the importers of flows share: the trainers' ``args.json``, the released scheme, and the control of one field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial

from torch import Tensor

from explorer.controls.base import Control
from explorer.controls.field import FieldControl
from explorer.controls.following import Flow
from explorer.errors import ControlError
from explorer.fields.base import VectorField
from explorer.importers.base import Drawn, numbers
from explorer.importers.files import ForeignFile
from explorer.scene.cards import ControlCard, SettingCard

EPS, STEPS = "eps", "time_steps"
UNIT = "steps"
"""Of the sliders: an amount of 1 is one step of the authors' script."""


def trainer_settings(file: ForeignFile) -> Mapping[str, object]:
    """What the trainer was called with, from the ``args.json`` beside the file or one folder above; empty without
    one."""
    return file.json_beside("args.json")


def space_of(settings: Mapping[str, object]) -> str:
    """The space that the trainer moved: w where it says so, which its programs can for StyleGAN2 alone, otherwise z;
    empty where nothing says which."""
    if not settings:
        return ""
    return "w" if settings.get("gan_type") == "StyleGAN2" and settings.get("shift_in_w_space") is True else "z"


def step_question(default: float) -> SettingCard:
    """How far one step goes: ``--eps`` of the authors' scripts."""
    return SettingCard(
        name=EPS, title="Step size", default=default, low=0.0, high=100.0,
        help="What the field is multiplied by in every step: eps of the authors' script.",
    )  # fmt: skip


def time_question(file: ForeignFile, key: str, usual: int) -> SettingCard:
    """For how many steps of time it was trained: as :func:`_told_time` says, or ``usual``."""
    return SettingCard(
        name=STEPS, title="Time steps", default=_told_time(file, key) or usual, low=1, high=MOST_TIME,
        help="For how many steps of time it was trained (-D of the trainer); its scripts follow half of them each way.",
    )  # fmt: skip


def unknown_time(file: ForeignFile, key: str, usual: int) -> tuple[str, ...]:
    """What the user is told where nobody says for how long it was trained."""
    if _told_time(file, key) or file.answers[STEPS] != usual:
        return ()
    return (f"Nor does it say for how many steps of time it was trained; its authors take {usual}.",)


def _told_time(file: ForeignFile, key: str) -> int:
    """``key`` of ``args.json``, or -D of the name of the folder; 0 where neither says."""
    told = trainer_settings(file).get(key)
    if isinstance(told, int) and not isinstance(told, bool) and 1 <= told <= MOST_TIME:
        return told
    folder = file.path.absolute().parent
    named = _FOLDER.search(folder.name) or _FOLDER.search(folder.parent.name)
    return int(named[1]) if named and 1 <= int(named[1]) <= MOST_TIME else 0


_FOLDER = re.compile(r"-K\d+-D(\d{1,6})(?!\d)")
MOST_TIME = 100_000


def positive(file: ForeignFile, name: str) -> float:
    """The answer called ``name``, a number above 0. Raises :class:`ControlError` for 0."""
    value = float(file.answers[name])
    if value == 0:
        raise ControlError(f"With '{name}' at 0 nothing in '{file.name}' moves; choose a larger '{name}'.")
    return value


def networks(state: Iterable[str], group: str) -> int:
    """How many networks ``group`` (``MLP_SET``) of a state dict has: 0 to the highest number."""
    matches = (re.match(rf"{group}\.(\d{{1,6}})\.", key) for key in state)
    return max((int(match[1]) + 1 for match in matches if match), default=0)


def layers_in(file: ForeignFile, state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Name after ``prefix`` → float32 tensor of what begins with it: weights and biases, checked as numbers."""
    own = {key: value for key, value in state.items() if key.startswith(prefix)}
    return {
        key.removeprefix(prefix): numbers(file, key, value, (2,) if key.endswith("weight") else (1,))
        .float()
        .contiguous()
        for key, value in own.items()
    }


def drawn(name: str, field: VectorField, flow: Flow, reach: float, details: tuple[str, ...]) -> Drawn:
    """The control called ``name`` that follows ``field``, with a slider of ``reach`` steps each way."""
    make = partial(_followed, field=field, flow=flow)
    return Drawn(name, None, UNIT, -reach, reach, details=details, make=make, layered=True)


def _followed(card: ControlCard, field: VectorField, flow: Flow) -> Control:
    return FieldControl(card, field, flow)


def scheme(eps: float, first: int, steps: int) -> tuple[str, ...]:
    """What the tip says of a flow in time: how it is followed, and when it was trained."""
    return f"1 step = {eps:g} × v, by Euler", f"trained at the times {first} to {first + steps - 1}"


def same_width(file: ForeignFile, before: int, width: int) -> int:
    """``width``. Raises :class:`ControlError` where the fields before had another, ``before`` (0: there were none)."""
    if before not in (0, width):
        raise ControlError(f"'{file.name}' is damaged: it holds flows of width {before} and of width {width}.")
    return width


def damaged(file: ForeignFile, error: KeyError | ValueError, prefix: str) -> ControlError:
    """The sentence for a field whose parts, called ``prefix`` and so on, are missing or fit no field."""
    if isinstance(error, KeyError):
        return ControlError(f"'{file.name}' is damaged: it lacks {prefix}{error.args[0]}; download it again.")
    return ControlError(f"'{file.name}' cannot be followed: {prefix.rstrip('.')} has {error}.")
