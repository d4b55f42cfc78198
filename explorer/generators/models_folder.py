"""The models in a folder of the user's, listed without loading one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from explorer.errors import ModelError
from explorer.files import shown_name
from explorer.generators import registry
from explorer.generators.base import Progress
from explorer.generators.opening import memory_needed
from explorer.generators.state_dicts import TORCH_SUFFIXES
from explorer.reading import reading
from explorer.scene.cards import ListedModel

MOST_PLACES = 1000
"""Files and folders that are looked at, in the folder and in the folders within it."""


def models_in(folder: Path, progress: Progress | None = None) -> list[ListedModel]:
    """Every file and folder in ``folder``, and in the folders there that are no models, which some family opens or
    takes for one of its own that is damaged; sorted by path. ``progress`` hears the share that is looked at. Raises
    :class:`ModelError` for what is no folder that can be read."""
    try:
        places = list(_places(folder))
    except OSError as error:
        raise ModelError(f"The models folder '{folder}' cannot be read ({error.strerror}); choose another.") from error
    listed: list[ListedModel] = []
    for number, place in enumerate(places):
        if progress is not None:
            progress(number / len(places))
        if not any(place.is_relative_to(model.path) for model in listed) and (model := _model_at(place)) is not None:
            listed.append(model)
    return [_in_text(model) for model in listed]


def _places(folder: Path) -> Iterator[Path]:
    """What may be a model: every folder before what lies in it."""
    left = MOST_PLACES
    for inner in sorted(folder.iterdir()):
        if inner.name.startswith("."):
            continue
        for place in (inner, *(sorted(inner.iterdir()) if inner.is_dir() else ())):
            if left == 0:
                return
            left -= 1
            yield place


def _in_text(model: ListedModel) -> ListedModel:
    """``model``; where its name is no text, which the window could not be told, with what can be shown of it, and why
    it cannot be opened."""
    shown = shown_name(model.path)
    if shown == model.path:
        return model
    problem = "The name is not UTF-8, so it is no text; rename the file or the folder."
    return ListedModel(path=shown, family=model.family, family_title=model.family_title, problem=problem)


def _model_at(place: Path) -> ListedModel | None:
    path = registry.resolve(str(place))
    # Every family asks the same file; of one with headers less is read where it is not read whole.
    with reading() if path.suffix.lower() in TORCH_SUFFIXES else nullcontext():
        named = registry.identify(path)
    families = registry.families()
    if named.family:
        title = families[named.family].short_title
        return ListedModel(path=str(place), family=named.family, family_title=title, memory=memory_needed(named.path))
    for family, verdict in named.verdicts.items():
        if verdict.mine and verdict.problem:
            title = families[family].short_title
            return ListedModel(path=str(place), family=family, family_title=title, problem=verdict.reason)
    return None
