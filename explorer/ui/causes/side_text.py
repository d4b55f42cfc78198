"""What stands beside the graph: of a mechanism, of an effect, of suggestions. Plain values, no Qt."""

from __future__ import annotations

import math

from explorer.causal.independences import p_text
from explorer.causal.model_report import CausesReport, MechanismReport
from explorer.scene.causal_graph import CausalGraph
from explorer.scene.number_text import number_text

NO_VARIABLE = "Choose a variable in the graph."
AWAITED = "How it comes about by these causes is not known yet: the mechanisms of this graph are being fitted."
CHECKING = "The graph is being held against the rows."
NOT_INSTALLED = (
    "Arrows are suggested by causal-learn, which is not installed. Close the program, install it with\n\n"
    "pip install 'latent-explorer[causal]'\n\nand open this again."
)
SUGGESTING = (
    "The observed rows suggest arrows, dashed in the graph; they count for nothing until they are accepted. Such "
    "methods are often wrong."
)


def causes_text(name: str, graph: CausalGraph | None) -> str:
    """What the variable comes about by."""
    if graph is None or name not in graph.names:
        return NO_VARIABLE
    causes = graph.parents(name)
    return f"{name} comes about by {', '.join(causes)}." if causes else f"Nothing in the graph causes {name}."


def fit_text(mechanism: MechanismReport | None, report: CausesReport | None, awaited: str = "") -> str:
    """How well the mechanism fits, a line for each figure; ``awaited``: why that is of other mechanisms."""
    if mechanism is None or report is None:
        return ""
    if awaited:
        return awaited
    judgement = mechanism.judgement
    if judgement is None:
        return report.note
    figures = []
    if judgement.dependence and judgement.explained is not None:
        figures.append(f"R² {number_text(judgement.explained, 3)}: what its causes tell of its variance")
    if not math.isnan(judgement.log_likelihood):
        likelihood, error = number_text(judgement.log_likelihood, 2), number_text(judgement.error, 2)
        figures.append(f"log-likelihood {likelihood} ± {error} of a row")
    figures += [
        f"noise and {each.cause}: distance correlation {number_text(each.correlation, 2)} (p {p_text(each.p)})"
        for each in judgement.dependence
    ]
    of = "held-out rows" if report.is_held_out else "rows that come with the model"
    figures.append(f"By {judgement.rows} {of}.")
    return "\n".join(figures)


def warning_text(mechanism: MechanismReport | None) -> str:
    """What should be known of it."""
    if mechanism is None or not mechanism.warnings:
        return ""
    first = "; ".join(mechanism.warnings)
    return f"{first[:1].upper()}{first[1:]}."
