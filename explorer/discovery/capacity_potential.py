"""What potentials can express where the truth is known."""

from __future__ import annotations

from explorer.discovery.capacity import FieldCapacity, capacity_card
from explorer.fields.helmholtz import HelmholtzField
from explorer.fields.ridges import Ridges


class PotentialCapacity(FieldCapacity):
    """Gradients of a potential: ridges along their waves and the symmetric part of a linear map."""

    breadth = 1
    card = capacity_card(
        "capacity_potential",
        "Fitted potentials",
        "Gradient flows fitted to the true directions: what no potential can beat, however it is trained.",
        trained=True,
    )

    def allowed(self, ridges: Ridges) -> Ridges:
        return ridges.gradient()

    def field(self, ridges: Ridges) -> HelmholtzField:
        return HelmholtzField(ridges, "gradient")


METHOD = PotentialCapacity()
