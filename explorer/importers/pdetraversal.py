"""PDETraversal (Song et al., ICML 2023): the potentials of its trainer's ``checkpoint.pt`` or ``support_sets.pt``."""

from __future__ import annotations

from explorer.controls.following import Flow
from explorer.fields.potential import published
from explorer.importers import flows
from explorer.importers.base import Importer, Sketch, named, numbers
from explorer.importers.files import ForeignFile
from explorer.scene.cards import SettingCard

WRAPPER = "support_sets"
GROUP = "MLP_SET"
ACTIVATION = "activation"
TIME = "num_support_timesteps"
"""Its key in ``args.json``."""
USUAL_TIME = 20
"""Time steps that the authors train with on faces (SNGAN)."""


class PDETraversal(Importer):
    """``MLP_SET.{k}.layer_x`` …: K potentials u_k(z, t); ``c`` (K, 1): the wave speeds, which move nothing.

    Followed as the authors' scripts do: z ← z + eps ∇u(z, t), t ← t + 1 from t = 0, and below 0 z ← z - eps ∇u(z, t).
    """

    name = "pdetraversal"
    title = "PDETraversal"
    spaces = ("z", "w")

    def claims(self, file: ForeignFile) -> bool:
        keys = file.state(WRAPPER)
        return f"{GROUP}.0.layer_x.weight" in keys and "c" in keys

    def questions(self, file: ForeignFile) -> tuple[SettingCard, ...]:
        gan = flows.trainer_settings(file).get("gan_type")
        activation = SettingCard(
            name=ACTIVATION, title="Last activation", choices=("tanh", "identity"),
            default="" if not gan else "identity" if gan == "StyleGAN2" else "tanh",
            help="What the potentials end with: the identity where they were trained for StyleGAN2, else tanh.",
        )  # fmt: skip
        time = flows.time_question(file, TIME, USUAL_TIME)
        return activation, time, flows.step_question(1.0)

    def sketch(self, file: ForeignFile) -> Sketch:
        state = file.tensors(WRAPPER)
        steps = int(file.answers[flows.STEPS]) // 2 or 1
        eps = flows.positive(file, flows.EPS)
        bounded = file.answers[ACTIVATION] == "tanh"
        count = flows.networks(file.state(WRAPPER), GROUP)
        speeds = numbers(file, "c", file.state(WRAPPER)["c"], (1, 2)).flatten()
        # An Euler step from t lasts until t + 1, so the last one that was trained ends where the time does.
        flow = Flow(eps, rate=1.0, step=1.0, integrator="euler", negative="anti-field")
        drawn, width = [], 0
        for index, name in enumerate(named(file, count, "potential")):
            prefix = f"{GROUP}.{index}."
            try:
                field = published(flows.layers_in(file, state, prefix), "", bounded, (0.0, float(steps)))
            except (KeyError, ValueError) as error:
                raise flows.damaged(file, error, prefix) from error
            width = flows.same_width(file, width, field.width)
            details = (*flows.scheme(eps, 0, steps), f"ends with {file.answers[ACTIVATION]}")
            if index < len(speeds):
                details = (*details, f"wave speed {float(speeds[index]):.3g}")
            drawn.append(flows.drawn(name, field, flow, float(steps), details))
        settings = dict(file.answers)
        note = f"Followed as its authors do: Euler steps of one time each, {eps:g} times the gradient."
        unknown = flows.unknown_time(file, TIME, USUAL_TIME)
        return Sketch(
            tuple(drawn),
            (width,),
            flows.space_of(flows.trainer_settings(file)),
            unknown=unknown,
            note=note,
            settings=settings,
        )


IMPORTER = PDETraversal()
