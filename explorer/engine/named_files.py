"""What a control set is made of that lies outside the scene: files of directions, labels, classifiers, other models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explorer.attributes.registry import named_sources
from explorer.discovery import registry as methods
from explorer.discovery.named_controls import is_file
from explorer.discovery.own_pairs import files_in
from explorer.files import set_file
from explorer.generators.registry import resolve
from explorer.scene.model import ControlSetRef

CONTROLS, MODEL, PICTURES = "control set", "model", "folder of pictures"


@dataclass(frozen=True)
class Named:
    """``noun``: what it is; ``text``: as the reference writes it; ``paths``: the files and folders that decide what it
    gives, some of which need not exist."""

    noun: str
    text: str
    paths: tuple[Path, ...]


def named_in(controls: ControlSetRef) -> tuple[Named, ...]:
    """Everything that ``controls``, and the set that they are matched to, name. Raises
    :class:`explorer.errors.ControlError` for an unknown method."""
    found: list[Named] = []
    if controls.path:
        found.append(Named(CONTROLS, controls.path, (set_file(controls.path),)))
    elif controls.method:
        kinds = {setting.name: setting.kind for setting in methods.method(controls.method).card.settings}
        for name, value in controls.settings:
            if kinds.get(name) == "file" and value:
                found.append(Named(MODEL, str(value), (resolve(str(value)),)))  # perhaps the name of one that ships
            elif kinds.get(name) == "folder" and value:
                found.append(Named(PICTURES, str(value), files_in(str(value))))
            elif kinds.get(name) == "controls" and is_file(str(value)):
                found.append(Named(CONTROLS, str(value).strip(), (set_file(str(value).strip()),)))
            elif kinds.get(name) == "attributes":
                found += [Named(source.noun, part, source.files(part)) for part, source in named_sources(str(value))]
    return (*found, *(named_in(controls.like) if controls.like is not None else ()))
