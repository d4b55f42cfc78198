"""``models``, ``methods``, ``inspect``: what there is, and what a path holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from explorer.cli.arguments import Json
from explorer.errors import ExplorerError, ModelError
from explorer.files import expanded
from explorer.scene.cards import ListedModel

ModelsFolder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="List the models in DIR, too.", show_default="the window's own"),
]


def models(as_json: Json = False, folder: ModelsFolder = None) -> None:
    """List the models that come with the program, and those in the models folder."""
    from explorer import keeping
    from explorer.generators import registry
    from explorer.generators.models_folder import models_in

    cards = []
    for problem in registry.plugged().problems.values():
        typer.echo(f"warning: {problem}", err=True)
    for name in registry.shipped_models():
        try:
            cards.append(registry.describe(name))
        except ModelError as error:
            typer.echo(f"warning: {error}", err=True)
    own = folder or keeping.models_folder()
    listed: list[ListedModel] = []
    try:
        listed = models_in(expanded(own).absolute()) if own is not None else []
    except ModelError as error:
        if folder is not None:
            raise
        typer.echo(f"warning: {error}", err=True)
    if as_json:
        return _print_json(
            [
                {
                    "name": card.name,
                    "family": card.family,
                    "path": card.path,
                    "kind": card.kind,
                    "size": list(card.size),
                    "spaces": {space: {"shape": list(one.shape)} for space, one in card.spaces.items()},
                    "fingerprint": card.fingerprint,
                }
                for card in cards
            ]
            + [
                {"name": model.name, "family": model.family, "path": model.path, "problem": model.problem}
                for model in listed
            ]
        )
    for card in cards:
        spaces = ", ".join(f"{name} {'×'.join(map(str, one.shape))}" for name, one in card.spaces.items())
        typer.echo(f"{card.name:24} {card.family:16} {card.output.text:9} {spaces}")
    for model in listed:
        typer.echo(f"{model.path}  {model.family_title}{f': {model.problem}' if model.problem else ''}")
    return None


def methods(as_json: Json = False) -> None:
    """List the methods that find controls."""
    from explorer.discovery import registry

    cards = registry.cards()
    if as_json:
        return _print_json(
            [
                {
                    "name": card.name,
                    "title": card.title,
                    "families": list(card.families),
                    "spaces": list(card.spaces),
                    "trained": card.trained,
                    "paper": card.paper,
                }
                for card in cards
            ]
        )
    for card in cards:
        also = f" Also called {', '.join(card.aliases)}." if card.aliases else ""
        typer.echo(f"{card.name:20} {card.problem or card.description or card.title}{also}")
    return None


def inspect(
    path: Annotated[str, typer.Argument(metavar="PATH", help="A model's file or folder, or a shipped name.")],
    as_json: Json = False,
) -> None:
    """Say which family a path belongs to, why the others do not take it, and what is in it."""
    from explorer.discovery import registry as methods_of
    from explorer.engine.ready_sets import with_sets
    from explorer.generators import registry

    place = registry.resolve(path)
    if not place.exists():
        raise ExplorerError(f"'{path}' does not exist; check the path.")
    found = registry.identify(place)
    document: dict[str, Any] = {
        "path": str(Path(place)),
        "family": found.family or None,
        **({} if found.family else {"problem": found.sentence}),
        "reasons": {name: verdict.reason for name, verdict in found.verdicts.items()},
    }
    if found.family:
        card = registry.describe(path)
        card = with_sets(msgspec.structs.replace(card, methods=methods_of.fitting(card)))
        described = msgspec.to_builtins(card)
        described["ready"] = [{"name": one.name, "title": one.title, "problem": one.problem} for one in card.ready]
        output = described.pop("output")
        document |= described | {"kind": card.kind, "size": output["size"], "channels": output["shape"][0]}
    if as_json:
        return _print_json(document)
    for name, value in document.items():
        if name == "reasons":
            for family, reason in value.items():
                typer.echo(f"{family + ':':18}{reason}")
        elif value not in (None, "", [], (), {}, 0):
            typer.echo(f"{name + ':':18}{value if isinstance(value, str | int | float) else json.dumps(value)}")
    return None


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
