"""Values of the variables of a causal graph as people read them."""

from __future__ import annotations

from explorer.scene.causal_graph import Variable
from explorer.scene.number_text import number_text


def value_text(variable: Variable, value: float) -> str:
    """``12.3°``, or the label of a level."""
    if variable.labels and 0 <= round(value) < len(variable.labels):
        return variable.labels[round(value)]
    unit = variable.unit if variable.unit in ("", "°", "%") else f" {variable.unit}"
    return f"{number_text(value, max(0, 3 - len(str(int(abs(value))))))}{unit}"
