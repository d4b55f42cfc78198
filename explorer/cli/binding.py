"""Options that say what variables are bound to, on a model whose latent holds none: attributes of its pictures, and
controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from explorer.errors import CausalError
from explorer.scene.causes import BINDING, METHODS
from explorer.scene.model import Scalar

if TYPE_CHECKING:
    from explorer.scene.cards import ModelCard

Attributes = Annotated[
    str,
    typer.Option(
        "--attributes",
        metavar="W",
        help="Of a model without variables of its own: what reads them from its pictures, a world, a classifier or "
        "labels. Default: the model's own world.",
    ),
]
Variables = Annotated[str, typer.Option("--variables", metavar="A,A,…", help="Only these attributes. Default: all.")]
Bind = Annotated[
    str,
    typer.Option(
        "--bind",
        metavar="METHOD|FILE",
        help="Of such a model: controls that are variables as well, those of a method (pca, or pca:20) or of a control "
        "set's file.",
    ),
]
Bound = Annotated[
    str,
    typer.Option(
        "--bound", metavar="VAR=NAME,…", help="Only these controls, and what their variables are called. Default: all."
    ),
]
Settings = tuple[tuple[str, Scalar], ...]


def bound_settings(card: ModelCard, controls: str, named: dict[str, str]) -> Settings:
    """What variables are bound to, ``named`` by option, as settings of the method ``controls``. Raises
    :class:`CausalError` where that binds none, because they lie in the latent of the model or ``controls`` is no
    method."""
    option = next((f"--{option}" for option, text in named.items() if text), "")
    if option and controls != BINDING:
        of_model = f"the latent of '{card.name}' holds them" if controls in METHODS else f"'{controls}' brings its own"
        about = "read from pictures" if option in ("--attributes", "--variables") else "bound to controls"
        raise CausalError(
            f"{option} is about variables that are {about}, and {of_model}; leave it out, or give --controls {BINDING}."
        )
    settings = zip(("attributes", "attribute", "controls", "control"), named.values(), strict=True)
    return tuple((name, text) for name, text in settings if text)
