"""latent-flow (Song et al., NeurIPS 2023, and "Sparse Transformation Analysis"): the flows of its checkpoints."""

from __future__ import annotations

from explorer.controls.following import Flow
from explorer.fields.base import VectorField
from explorer.fields.potential import published
from explorer.fields.sparse_transformation import SparseTransformationField, rest_of
from explorer.importers import flows
from explorer.importers.base import Importer, Sketch, named
from explorer.importers.files import ForeignFile
from explorer.scene.cards import SettingCard

WRAPPER = "support_sets"
GROUP, REST, FORCE = "MLP_SET", "DIV_MLP", "FORCE_SET"
TIME = "num_timesteps"
"""Its key in ``args.json``."""
USUAL_TIME = 16
"""Time steps that the authors train with on MNIST."""


class LatentFlow(Importer):
    """``MLP_SET.{k}.layer_x`` …: K potentials u_k(z, t), which end with tanh; ``DIV_MLP.{k}``: beside each a network
    r_k, which their penalty makes nearly a rotation; ``FORCE_SET.{k}``: of the equation alone, which moves nothing.

    Followed as the authors' script does: z ← z + eps (∇u(z, t) + r(z)), t ← t + 1 from t = 1, and below 0 with -.
    """

    name = "latent_flow"
    title = "latent-flow"
    spaces = ("z", "w")

    def claims(self, file: ForeignFile) -> bool:
        keys = file.state(WRAPPER)
        return f"{GROUP}.0.layer_x.weight" in keys and "c" not in keys

    def questions(self, file: ForeignFile) -> tuple[SettingCard, ...]:
        return flows.time_question(file, TIME, USUAL_TIME), flows.step_question(1.0)

    def sketch(self, file: ForeignFile) -> Sketch:
        state = file.tensors(WRAPPER)
        steps = int(file.answers[flows.STEPS]) // 2 or 1
        eps = flows.positive(file, flows.EPS)
        count = max(flows.networks(file.state(WRAPPER), group) for group in (GROUP, REST))
        flow = Flow(eps, rate=1.0, start=1.0, step=1.0, integrator="euler", negative="anti-field")
        rests = flows.networks(file.state(WRAPPER), REST) > 0
        drawn, width = [], 0
        for index, name in enumerate(named(file, count, "flow")):
            prefix = f"{GROUP}.{index}."
            try:
                potential = published(flows.layers_in(file, state, prefix), "", True, (1.0, float(steps + 1)))
                field: VectorField = potential
                if rests:
                    prefix = f"{REST}.{index}."
                    field = SparseTransformationField(potential, rest_of(flows.layers_in(file, state, prefix), ""))
            except (KeyError, ValueError) as error:
                raise flows.damaged(file, error, prefix) from error
            width = flows.same_width(file, width, field.width)
            drawn.append(flows.drawn(name, field, flow, float(steps), flows.scheme(eps, 1, steps)))
        beside = " Each is a gradient and beside it a network that is nearly a rotation." if rests else ""
        note = f"Followed as its authors do: Euler steps of one time each, {eps:g} times the velocity.{beside}"
        space = flows.space_of(flows.trainer_settings(file))
        unknown = flows.unknown_time(file, TIME, USUAL_TIME)
        return Sketch(tuple(drawn), (width,), space, unknown=unknown, note=note, settings=dict(file.answers))


IMPORTER = LatentFlow()
