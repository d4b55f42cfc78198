"""What the methods share whose controls follow fields of ridges: settings, the bank that learns, and the controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from torch import nn

from explorer.controls.base import Control
from explorer.controls.control_set import ControlSet
from explorer.discovery.effect_search import Ranked, searched, settings
from explorer.discovery.flow_controls import field_control, speed_of
from explorer.discovery.orthogonality import SearchStart
from explorer.discovery.request import Request
from explorer.discovery.ridge_bank import RidgeBank
from explorer.discovery.sampling import Place
from explorer.fields.base import VectorField
from explorer.fields.ridges import Ridges
from explorer.generators.base import Generator
from explorer.scene.cards import SettingCard

Field = TypeVar("Field", bound=VectorField)


def field_settings() -> tuple[SettingCard, ...]:
    """What a method that learns fields of ridges can be asked for."""
    return (
        *settings(1800, 2e-3, 0.2),
        SettingCard(
            name="evenness",
            title="Weight of an even effect",
            default=0.05,
            low=0.0,
            high=1.0,
            help="How much it counts that a control changes pictures at the same rate wherever the point is.",
        ),
        SettingCard(
            name="waves", title="Waves", default=96, low=1, high=4096, help="Ridges that all fields are made of."
        ),
    )


def searched_fields(
    asked: Request,
    generator: Generator,
    name: str,
    free: bool,
    field_of: Callable[[Ridges], Field],
    details: Callable[[Field, Ranked], tuple[str, ...]] = lambda field, found: (),
) -> ControlSet:
    """The controls ``name`` 1, 2 … that follow the fields that ``field_of`` makes of ridges; ``free`` as of
    :class:`RidgeBank`; ``details``: more lines of their tips. One unit is a path about as long as the typical
    deviation of an axis.
    """

    def network(start: SearchStart, place: Place) -> RidgeBank:
        return RidgeBank(start, asked.number("waves"), place.sigma, free, asked.seed)

    def controls(fields: nn.Module, found: Ranked, place: Place) -> Sequence[Control]:
        made: list[Control] = []
        for number, (index, figure, told) in enumerate(found.rows(), 1):
            field = field_of(cast("RidgeBank", fields).one(index))
            speed = speed_of(field, found.points.cpu())
            told_all = (told, *details(field, found))
            made.append(
                field_control(
                    asked, f"{name} {number}", field, place.sigma, speed=speed, figure=figure, details=told_all
                )
            )
        return made

    return searched(asked, generator, network, asked.real("evenness"), True, controls)
