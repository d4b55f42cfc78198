"""Volume-preserving fields: curved controls whose effects on the picture are orthogonal at every point."""

from __future__ import annotations

from explorer.controls.control_set import ControlSet
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.ridge_fields import field_settings, searched_fields
from explorer.discovery.shifts import without_shifts
from explorer.fields.volume_preserving import VolumePreservingField
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard


class VolumePreserving(CheckedMethod):
    """Fields without divergence, learned without labels so that no two change the picture alike at any point.

    Such a field can turn, which no gradient can, and cannot gather points where the picture changes most. One of them
    may begin as a rotation in a plane, where the objective says so: from straight lines a factor that goes round is
    learned with signs that flip on the way, which the objective does not see.
    """

    card = MethodCard(
        name="volume_preserving",
        title="Volume-preserving fields",
        spaces=("z", "w"),
        trained=True,
        expensive=True,
        paper="The objective after Wei et al., Orthogonal Jacobian Regularization for Unsupervised Disentanglement in "
        "Image Generation, ICCV 2021; fields without divergence after Song et al., Unsupervised Representation "
        "Learning from Sparse Transformation Analysis, 2410.05564",
        description="Curved paths that may turn, along fields without divergence: no two change the picture alike.",
        settings=field_settings(),
    )

    def refusal(self, model: ModelCard) -> str:
        return without_shifts(self.card.title, model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` fields; see :func:`searched_fields`."""
        return searched_fields(asked, generator, "Field", False, VolumePreservingField)


METHOD = VolumePreserving()
