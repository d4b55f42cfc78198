"""A rectangle of a picture, as settings of methods write it: "left,top,right,bottom" in shares of the picture."""

from __future__ import annotations

import msgspec

from explorer.errors import ControlError
from explorer.scene.cards import MethodCard, ModelCard, SettingCard
from explorer.scene.model import ControlSetRef
from explorer.scene.number_text import NumberError, read_numbers

Region = tuple[float, float, float, float]
"""Left, top, right, bottom: 0 ≤ left < right ≤ 1, 0 ≤ top < bottom ≤ 1."""


def read_region(text: str) -> Region:
    """The rectangle that ``text`` writes. Raises :class:`ControlError` when it writes none."""
    try:
        left, top, right, bottom = read_numbers(text)
    except (ValueError, NumberError):
        left = top = right = bottom = float("nan")
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ControlError(
            f"The region '{text}' is no part of the picture; give left, top, right and bottom between 0 and 1, such as "
            "0.3,0.6,0.7,0.8."
        )
    return left, top, right, bottom


def write_region(region: Region) -> str:
    """The text of ``region``, in four decimals."""
    return ",".join(f"{round(edge, 4):g}" for edge in region)


def without_regions(model: ModelCard) -> str:
    """Why nothing can be looked for in a part of what ``model`` makes, or an empty string where it makes pictures."""
    if model.makes_pictures:
        return ""
    return f"A region is a part of a picture, and '{model.name}' makes {model.output.description}."


def region_setting(method: MethodCard | None) -> SettingCard | None:
    """The setting of ``method`` that is a region, or None."""
    settings = method.settings if method is not None else ()
    return next((setting for setting in settings if setting.kind == "region"), None)


def region_of(method: MethodCard | None, controls: ControlSetRef) -> Region | None:
    """The region that ``controls``, of ``method``, were found for; None where there is none, or none that is one."""
    setting = region_setting(method)
    text = str(dict(controls.settings).get(setting.name, setting.default)) if setting is not None else ""
    try:
        return read_region(text) if text else None
    except ControlError:
        return None


def with_region(method: MethodCard, controls: ControlSetRef, text: str) -> ControlSetRef:
    """``controls`` of ``method``, found for the region ``text``; as they are, where the method takes no region."""
    setting = region_setting(method)
    if setting is None:
        return controls
    values = {**dict(controls.settings), setting.name: text}
    order = [one.name for one in method.settings]
    kept = sorted(values, key=lambda name: order.index(name) if name in order else len(order))
    defaults = {setting.name: setting.default}
    settings = tuple((name, values[name]) for name in kept if values[name] != defaults.get(name))
    return msgspec.structs.replace(controls, settings=settings)
