"""What free fields can express where the truth is known."""

from __future__ import annotations

from explorer.discovery.capacity import FieldCapacity, capacity_card
from explorer.fields.helmholtz import HelmholtzField
from explorer.fields.ridges import Ridges


class FreeCapacity(FieldCapacity):
    """Any field: with enough ridges a network of one hidden layer, which can be anything."""

    breadth = 3
    card = capacity_card(
        "capacity_free",
        "Fitted free fields",
        "Fields of any kind fitted to the true directions: what curved paths can reach at all.",
        trained=True,
    )

    def allowed(self, ridges: Ridges) -> Ridges:
        return ridges

    def field(self, ridges: Ridges) -> HelmholtzField:
        return HelmholtzField(ridges)


METHOD = FreeCapacity()
