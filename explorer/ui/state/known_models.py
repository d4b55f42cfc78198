"""The models that can be opened by a click: shipped ones, those of the models folder, those opened before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from explorer.scene.model_text import describe, describe_listed, distinct_names, model_line
from explorer.ui.state.catalogue import Catalogue
from explorer.ui.state.models_folder import ModelsFolder
from explorer.ui.state.settings import Settings


@dataclass(frozen=True)
class KnownModel:
    """One of a list. ``path``: what opens it, a shipped name or a path; ``line``: what a menu says; ``problem``: why it
    cannot be opened now, in one sentence, or empty."""

    path: str
    name: str
    line: str
    tip: str
    problem: str = ""


def shipped(catalogue: Catalogue) -> list[KnownModel]:
    """Those that came with the program; one that cannot be read says why in its notes, and has no spaces."""
    return [
        KnownModel(card.name, card.name, model_line(card), describe(card), "" if card.spaces else card.notes)
        for card in catalogue.models
    ]


def in_folder(folder: ModelsFolder) -> list[KnownModel]:
    """Those of the models folder; one within a folder there is called by both names."""
    listed = []
    for model in folder.models:
        path = PurePath(model.path)
        within = folder.path is not None and path.is_relative_to(folder.path) and path.parent != folder.path
        name = f"{path.parent.name}/{path.name}" if within else path.name
        line = f"{name} · {model.family_title}"
        listed.append(KnownModel(model.path, name, line, describe_listed(model), model.problem))
    return listed


def opened(catalogue: Catalogue, settings: Settings) -> list[KnownModel]:
    """Those that were opened from disk, in this session and in earlier ones."""
    names = {card.name for card in catalogue.models}
    cards = {ref.path: card for ref, card in catalogue.opened() if ref.path not in names}
    recent = {path: PurePath(path).name for path in settings.recent_models if path not in cards}
    called = distinct_names({path: card.name for path, card in cards.items()} | recent)
    listed = [
        KnownModel(path, called[path], model_line(card, called[path]), describe(card)) for path, card in cards.items()
    ]
    for path in recent:
        name, problem = called[path], missing(path)
        listed.append(KnownModel(path, name, name, "\n".join(filter(None, (path, problem))), problem))
    return listed


def usable(catalogue: Catalogue, folder: ModelsFolder, settings: Settings) -> list[KnownModel]:
    """All that can be opened, each once."""
    models = [*opened(catalogue, settings), *in_folder(folder), *shipped(catalogue)]
    by_path = {model.path: model for model in reversed(models) if not model.problem}
    return [model for model in models if by_path.pop(model.path, None) is not None]


def missing(path: str) -> str:
    """Why what lay at ``path`` cannot be opened, where nothing lies there any more; else empty."""
    return "" if Path(path).exists() else "It is not there any more: moved, renamed, deleted, or on a disk not mounted."
