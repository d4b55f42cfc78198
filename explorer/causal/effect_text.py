"""What is known of an effect, in lines for the window and the terminal. No torch."""

from __future__ import annotations

from explorer.causal.effect_answer import EffectAnswer, Estimate, OutcomeEffect
from explorer.scene.causal_graph import CausalGraph, Variable
from explorer.scene.number_text import number_text
from explorer.scene.value_text import value_text


def lines(graph: CausalGraph, answer: EffectAnswer) -> tuple[str, ...]:
    """The formula, the sets, what the rows tell, what is to be known of that; the sentence of the graph is apart."""
    sentences = []
    if answer.formula and answer.way != "no effect":
        sentences.append(answer.formula)
    for title, sets in (("Back-door sets", answer.adjust), ("Front-door sets", answer.through)):
        if any(sets):
            sentences.append(f"{title}: {'; '.join(_set_text(names) for names in sets)}")
    sentences += [_outcome_line(graph, answer, outcome) for outcome in answer.outcomes]
    if answer.outcomes:
        sentences.append(f"By {answer.rows} rows, with 95 % intervals (bootstrap).")
    return (*sentences, *filter(None, (answer.note, *answer.warnings)))


def level_rows(graph: CausalGraph, answer: EffectAnswer) -> list[tuple[str, ...]]:
    """P(effect | do(cause)) as rows of a table, its head first; a bound is ``.20 to .70``. Empty without levels."""
    if not answer.low:
        return []
    cause, effect = graph.variable(answer.cause), graph.variable(answer.effect)
    levels = [_level(effect, level) for level in range(effect.levels)]
    body = []
    for row, bounds in enumerate(zip(answer.low, answer.high, strict=True)):
        cells = [_between(low, high) for low, high in zip(*bounds, strict=True)]
        body.append((f"do({cause.name} = {_level(cause, row)})", *cells))
    head = (f"P({effect.name} | do({cause.name})), {answer.level_way}", *levels)
    return [head, *body]


def estimate_text(estimate: Estimate, unit: str = "") -> str:
    """``−2.4 (−2.9 to −1.9) °``."""
    decimals = _decimals(estimate)
    value, low, high = (number_text(each, decimals) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high}){' ' + unit if unit else ''}"


def _outcome_line(graph: CausalGraph, answer: EffectAnswer, outcome: OutcomeEffect) -> str:
    cause, effect = graph.variable(answer.cause), graph.variable(answer.effect)
    first, last = (value_text(cause, value) for value in answer.values)
    level = outcome.level or (_level(effect, 1) if effect.levels else "")
    what = f"P({effect.name} = {level})" if level else effect.name
    unit = effect.unit if not level else ""
    line = f"do({cause.name}: {first} → {last}) changes {what} by {estimate_text(outcome.total, unit)}"
    if outcome.direct is None or outcome.indirect is None:
        return line
    by = ", ".join(answer.between)
    return f"{line}: directly {estimate_text(outcome.direct)}, by way of {by} {estimate_text(outcome.indirect)}"


def _level(variable: Variable, level: int) -> str:
    return variable.labels[level] if variable.labels else str(level)


def _set_text(names: tuple[str, ...]) -> str:
    return "{" + ", ".join(names) + "}" if names else "∅"


def _between(low: float, high: float) -> str:
    first, last = number_text(low, 2), number_text(high, 2)
    return first if first == last else f"{first} to {last}"


def _decimals(estimate: Estimate) -> int:
    """Two figures of how far it is unsure."""
    width = (estimate.high - estimate.low) / 2
    places = 0
    while places < 6 and width * 10**places < 10:
        places += 1
    return places
