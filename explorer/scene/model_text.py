"""What is said of a model: the line of a list, the tool tip, the rows of its card. Plain text."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath

from explorer.scene.cards import ListedModel, ModelCard

_GB, _MB = 1e9, 1e6


def model_line(card: ModelCard, name: str = "") -> str:
    """``faces-stylegan2 · StyleGAN2 · 64×64``; ``name``: what it is called where its own tells too little."""
    return f"{name or card.name} · {card.family_title} · {card.output.text}"


def distinct_names(names: Mapping[str, str]) -> dict[str, str]:
    """Path → what a model is called beside the others. ``names``: path → its own name; where several have one, as many
    of the folders that they lie in are put before it as tell them apart: ``run 2/model``."""
    distinct = dict(names)
    folders = {path: PurePath(path).relative_to(PurePath(path).anchor).parts[:-1] for path in names}
    for depth in range(1, max(map(len, folders.values()), default=0) + 1):
        counted = Counter(distinct.values())
        for path, name in names.items():
            if counted[distinct[path]] > 1:
                distinct[path] = "/".join((*folders[path][-depth:], name))
    return distinct


LONGEST_LINE = 100
"""Letters of a line of a tool tip, which Qt does not break."""


def describe(card: ModelCard) -> str:
    """The tool tip of a model: what it is, where it comes from, under which licence."""
    lines = [model_line(card)]
    if card.parameters:
        count = parameters_text(card.parameters)
        lines.append(f"{count}, {bytes_text(card.memory)} of memory" if card.memory else count)
    lines += [f"{name}: {' × '.join(map(str, space.shape))}" for name, space in card.spaces.items()]
    if card.full_steps:
        lines.append(_steps(card))
    computed = card.runtime and f"Computed by {card.runtime}"
    told = (computed, card.origin, card.licence and f"Licence: {card.licence}", card.notes)
    lines += [textwrap.fill(text, LONGEST_LINE) for text in told if text]
    return "\n".join(lines)


def describe_listed(model: ListedModel) -> str:
    """The tool tip of a model of which headers alone are known."""
    needs = f"needs {bytes_text(model.memory)} of memory to open" if model.memory else ""
    first = " · ".join(filter(None, (model.name, model.family_title, needs)))
    return "\n".join(filter(None, (first, model.problem, model.path)))


def rows_of(card: ModelCard, path: str, free: int = 0) -> list[tuple[str, str]]:
    """(title, text) of all that a card says, in the order in which one asks: what it is and why, what it makes, where
    it can be moved, what it costs, where it comes from. ``path``: how it was opened; ``free``: bytes of memory."""
    rows = [
        ("Family", card.family_title),
        ("Why this family", card.reason),
        ("Makes", card.output.description),
        *((f"Space {name}", _space(card, name)) for name in card.spaces),
        ("Classes", f"{card.classes}, counted from 0" if card.classes else ""),
        ("Reads text", "yes: a prompt says what it draws" if "prompt" in card.capabilities else ""),
        ("Own sampler", _steps(card) if card.full_steps else card.sampler),
        ("Can be measured on", ", ".join(card.worlds)),
        ("Parameters", parameters_text(card.parameters) if card.parameters else ""),
        ("Memory", _memory(card, free)),
        ("Computed by", card.runtime),
        ("Licence", card.licence or "the file says nothing of one"),
        ("Origin", card.origin),
        ("Notes", card.notes),
        ("Lies in", path),
        ("Fingerprint", card.fingerprint),
        ("Methods", f"{len(card.methods)} fit, {len(card.refusals)} do not" if card.methods or card.refusals else ""),
    ]
    return [(title, text) for title, text in rows if text]


def card_text(card: ModelCard, path: str) -> str:
    """The whole card as lines of text, to be pasted elsewhere."""
    return "\n".join([card.name, *(f"{title}: {text}" for title, text in rows_of(card, path))])


def bytes_text(count: int) -> str:
    """``23 MB``, ``8.1 GB``: decimal, as disks and refusals count."""
    if count >= _GB:
        return f"{count / _GB:.1f} GB"
    return f"{count / _MB:.0f} MB" if count >= 10 * _MB else f"{max(count / _MB, 0.1):.1f} MB"


def parameters_text(count: int) -> str:
    """``30.0 million parameters``; below a tenth of a million the number itself."""
    return f"{count / 1e6:.1f} million parameters" if count >= 100_000 else f"{count} parameters"


def _space(card: ModelCard, name: str) -> str:
    space = card.spaces[name]
    more = (
        {"normal": "drawn from a normal distribution", "uniform": "drawn uniformly"}.get(space.prior, ""),
        f"{space.layers} layers" if space.layers else "",
        "only the direction counts" if space.sphere else "",
    )
    return ", ".join(filter(None, (" × ".join(map(str, space.shape)), *more)))


def _steps(card: ModelCard) -> str:
    steps = f"{card.full_steps} sampler steps, {card.interactive_steps} while a slider moves"
    return ", drawn by ".join(filter(None, (steps, card.sampler)))


def _memory(card: ModelCard, free: int) -> str:
    if not card.memory:
        return ""
    return f"{bytes_text(card.memory)} for its weights" + (f"; {bytes_text(free)} is free now" if free else "")
