"""What do(x = v) makes of a picture, in numbers: plain values for the window, the command line and files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from explorer.scene.cards import ControlCard
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.model import ControlSetRef, Edit

METHODS = ("causes", "bound_causes")
"""Of which sliders set variables."""

BINDING = METHODS[1]
"""That of which variables are bound to attributes and controls."""


class Bindings(NamedTuple):
    """``source``: the method or the file whose controls variables are bound to, as the setting ``controls`` has it;
    ``variables``: (variable, control) of each."""

    source: str
    variables: tuple[tuple[str, str], ...]

    @property
    def setting(self) -> str:
        """``variables`` as the setting ``control`` has them."""
        return ",".join(f"{variable}={control}" for variable, control in self.variables)


def bindings_of(controls: ControlSetRef) -> Bindings:
    """What the settings of ``controls`` bind to controls, as far as these are named."""
    settings = dict(controls.settings)
    pairs = []
    for text in filter(None, (part.strip() for part in str(settings.get("control", "")).split(","))):
        variable, sign, name = text.partition("=")
        pairs.append((variable.strip(), name.strip()) if sign and variable.strip() else (text, text))
    return Bindings(str(settings.get("controls", "")).strip(), tuple(pairs))


Rung = Literal["imagine", "do", "see"]
"""What is asked: what this very picture would have been; what pictures are where x is set; what they are where x
happens to have that value."""
RUNG_CASES = ("see, draw #", "imagine", "do, draw #")
"""What the amounts of the control are called that chooses the question (:attr:`ControlCard.cases`)."""
ANSWERS: dict[Rung, str] = {"imagine": "Counterfactual", "do": "Interventional", "see": "Observational"}
"""What the picture is called that answers it."""


def rung_of(controls: Iterable[ControlCard], edits: Iterable[Edit]) -> Rung:
    """Which question a picture answers, of a pane with these ``controls`` and ``edits``."""
    choosing = {card.name for card in controls if card.cases == RUNG_CASES}
    amount = next((edit.amount for edit in edits if edit.control in choosing), 0.0)
    return "do" if amount > 0 else "see" if amount < 0 else "imagine"


class Spread(msgspec.Struct, frozen=True):
    """How a number is distributed: its ``mean``, and between which it lies with 90 %."""

    mean: float
    low: float
    high: float


class VariableOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One variable of a picture, in its own unit. ``factual``: its value without interventions; ``value``: with them,
    where it is open the middle of what is possible, which lies between ``low`` and ``high`` with 90 %; ``is_set``: its
    slider holds a value, which do() sets, so that its causes count no longer, or which is seen.

    ``done``, ``seen``: how it is distributed over all pictures in which what is set is set, or happens to be so; None
    where nothing is, or where this cannot be told. ``noise_control``: which control chooses its noise, ``noise``: its
    case (:func:`explorer.scene.choices.case_of`).

    ``reached``: what is read from the picture that was sought for all these values, None where values lie in the point
    itself and need no search, or where the picture does not show it. ``is_missed``: that is not near."""

    name: str
    factual: float
    value: float
    low: float
    high: float
    is_open: bool = False
    is_set: bool = False
    done: Spread | None = None
    seen: Spread | None = None
    noise_control: str = ""
    noise: int = 0
    reached: float | None = None
    is_missed: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All variables of one picture, in the order of the graph, and the graph that says what follows from what.

    ``rung``: which question the picture answers, by ``rung_control``, empty where there is none; ``draw``: which of the
    pictures that answer it. ``own_control``, ``own_noise``: as of a variable, of the picture's own noise. ``problem``:
    why there is no such picture, in one sentence; values are then the factual ones.
    """

    graph: CausalGraph
    variables: tuple[VariableOutcome, ...]
    rung: Rung = "imagine"
    draw: int = 0
    rung_control: str = ""
    own_control: str = ""
    own_noise: int = 0
    problem: str = ""

    def variable(self, name: str) -> VariableOutcome:
        """The outcome of ``name``; KeyError where there is none."""
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise KeyError(name)


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """How observed rows of a variable lie between ``low`` and ``high``: the share of them in each of as many bars, all
    as wide, one a level where it has levels. ``usual``: from one value that is not rare to another, such as the 10 %
    and the 90 % quantile; of levels the first and the last."""

    low: float
    high: float
    shares: tuple[float, ...]
    usual: tuple[float, float]
