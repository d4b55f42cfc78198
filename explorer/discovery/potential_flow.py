"""Potential flows: curved paths along the gradients of potentials that obey an equation, told apart by what they do to
the picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.controls.control_set import ControlSet
from explorer.discovery.potential_losses import EQUATIONS
from explorer.discovery.potential_search import USUAL, begun
from explorer.discovery.request import CheckedMethod, Request
from explorer.discovery.shifts import check_several, refusal_of
from explorer.discovery.trained import learn
from explorer.errors import ControlError
from explorer.generators.base import Generator
from explorer.scene.cards import MethodCard, ModelCard, SettingCard

RELEASED = "released"
FLAT = 0.05
"""A path through all the time that is shorter, in σ, does not move: its potential is flat."""


class PotentialFlow(CheckedMethod):
    """Potentials that obey an equation, and the network that tells their flows apart, trained together."""

    card = MethodCard(
        name="potential_flow",
        title="Potential flow",
        spaces=("z", "w"),
        trained=True,
        expensive=True,
        paper="Song, Keller, Sebe & Welling, Latent Traversals in Generative Models as Potential Flows, ICML 2023; "
        "Flow Factorized Representation Learning, NeurIPS 2023",
        description="Curved paths along gradients of potentials that change with time and obey an equation; a second "
        "network tells them apart.",
        settings=(
            SettingCard(
                name="equation",
                title="Equation",
                default=EQUATIONS[0],
                choices=EQUATIONS,
                help="What a potential u(z, t) has to obey: the wave equation u_tt = c² ∇²u, the heat equation u_t = κ "
                "∇²u, or the Hamilton-Jacobi equation u_t + ½ |∇u|² + f² = 0 with a force f that is learned; without "
                "force its paths are straight.",
            ),
            SettingCard(
                name="compat",
                title="Computed",
                default="corrected",
                choices=("corrected", RELEASED),
                help="corrected: the equation itself, at each point. released: as the authors' programs do it: row "
                "sums of the Hessian for the Laplacian, time derivatives summed over the batch, a wave speed without "
                "limits, one potential a batch, a gain by change without limits, steps of Euler.",
            ),
            SettingCard(
                name="steps",
                title="Steps",
                default=400,
                low=1,
                high=1_000_000,
                help="Steps of the training. 400 are a quick look, 3 minutes of one core with faces-stylegan2; a full "
                "run of 6000 takes 45.",
            ),
            SettingCard(
                name="batch",
                title="Batch",
                default=16,
                low=1,
                high=1024,
                help="Points a step; each costs two pictures and a derivative.",
            ),
            SettingCard(
                name="rate",
                title="Learning rate",
                default=0.002,
                low=1e-6,
                high=1.0,
                help="Of Adam. The paper trains 120 000 steps of 128 points at 0.0001; a short search needs more.",
            ),
            SettingCard(
                name="timesteps",
                title="Time steps",
                default=10,
                low=4,
                high=200,
                help="T of the paper: a flow lasts for half as many units of time. 10 and 20 in the paper.",
            ),
            SettingCard(
                name="output",
                title="Output",
                default="identity",
                choices=("identity", "tanh"),
                help="The potential's last activation: tanh in the paper, which bounds it, and the identity for "
                "StyleGAN2, where flows would be too slow otherwise.",
            ),
            SettingCard(
                name="equation_weight",
                title="Weight of the equation",
                default=1.0,
                low=0.0,
                high=1000.0,
                help="How much the equation counts, beside telling the flows apart.",
            ),
            SettingCard(
                name="rest_weight",
                title="Weight of the start",
                default=1.0,
                low=0.0,
                high=1000.0,
                help="How much it counts that a flow starts at rest: ∇u(z, 0) = 0.",
            ),
            SettingCard(
                name="change_weight",
                title="Weight of the change",
                default=1.0,
                low=0.0,
                high=1000.0,
                help="How much it counts that the picture changes along the flow. Corrected, the gain is q / (1 + q) "
                "with q the change over that of a usual direction, so a flow gains little by racing.",
            ),
            SettingCard(
                name="negative",
                title="Below 0",
                default="anti-field",
                choices=("anti-field", "reverse"),
                help="anti-field: amounts below 0 follow the gradient the other way, as in the paper. reverse: time "
                "would run back, and a flow that begins at time 0 has none below: its slider begins at 0.",
            ),
        ),
    )

    def refusal(self, model: ModelCard) -> str:
        return refusal_of(self.card.title, model)

    def search(self, asked: Request, generator: Generator) -> ControlSet:
        """``k`` flows (at most the width of the space), each for half of ``timesteps`` units of time.

        The note tells the reconstructor's accuracy on pairs that it was not trained on, and which potentials are flat.
        """
        check_several(asked)
        k, released = asked.k, asked.text("compat") == RELEASED
        if released and asked.text("equation") == "heat":
            raise ControlError(
                f"The authors' programs of {self.card.title} have no heat equation; choose another, or corrected."
            )
        search = begun(asked, generator, released)
        trained = (search.bank, search.equation, search.guesses)
        optimiser = torch.optim.Adam([one for module in trained for one in module.parameters()], lr=asked.real("rate"))
        steps = asked.number("steps")
        end = learn(asked, trained, optimiser, search.loss, steps, search.controls)
        (accuracy, examined), lengths = search.examined(), search.lengths()
        note = (
            f"The reconstructor recognises {float(accuracy.mean()):.0%} of held-out steps (chance {1 / k:.0%}), after "
            f"{end.steps} steps of training. That tells how different the flows look, not whether each is one factor."
        )
        each = (2 if search.forward else 4) * asked.number("batch")
        drawn = steps * each + 2 * examined + 5 * USUAL
        notes = (end.note, _said_of_flat(lengths), note)
        return asked.found(search.controls(accuracy, lengths), drawn, " ".join(filter(None, notes)))


def _said_of_flat(lengths: Tensor) -> str:
    """One sentence on the flows whose paths, ``lengths`` (k,) σ long, go nowhere; empty where there are none."""
    flat = [str(index + 1) for index, length in enumerate(lengths.tolist()) if not length >= FLAT]
    if not flat:
        return ""
    return (
        f"Flat: {'flows' if len(flat) > 1 else 'flow'} {', '.join(flat)} move less than {FLAT:g} σ in all their time; "
        "raise change_weight, lower equation_weight or rest_weight, or train for more steps."
    )


METHOD = PotentialFlow()
