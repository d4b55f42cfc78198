"""What divergence-free fields can express where the truth is known."""

from __future__ import annotations

from explorer.discovery.capacity import FieldCapacity, capacity_card
from explorer.fields.ridges import Ridges, Solenoidal, solenoidal
from explorer.fields.volume_preserving import VolumePreservingField


class DivergenceFreeCapacity(FieldCapacity):
    """Fields whose divergence is exactly 0."""

    breadth = 2
    card = capacity_card(
        "capacity_divergence_free",
        "Fitted divergence-free fields",
        "Fields without divergence fitted to the true directions: what no such field can beat.",
        trained=True,
    )

    def allowed(self, ridges: Ridges) -> Solenoidal:
        return solenoidal(ridges)

    def field(self, ridges: Ridges) -> VolumePreservingField:
        return VolumePreservingField(ridges)


METHOD = DivergenceFreeCapacity()
