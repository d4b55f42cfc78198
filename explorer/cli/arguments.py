"""The options that several commands share, and what their texts mean. Heavy imports inside the functions."""

from __future__ import annotations

import difflib
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer
from msgspec.structs import replace

from explorer.cli.numbers import number, real, whole
from explorer.cli.progress import shown
from explorer.errors import CausalError, ControlError, ExplorerError
from explorer.files import expanded, shipped_set
from explorer.scene.model import (
    Condition,
    ControlSetRef,
    Edit,
    ModelRef,
    Pane,
    Quality,
    Scalar,
    Scene,
    Seed,
    StepWindow,
    Timeline,
)
from explorer.scene.number_text import NumberError, read_number, read_whole
from explorer.scene.samplers import SAMPLERS, require_sampler
from explorer.scene.steps import require_steps, steps_text
from explorer.scene.validate import PSI_LIMIT, SEED_LIMIT

if TYPE_CHECKING:
    from explorer.controls.control_set import ControlSet
    from explorer.engine.engine import Engine
    from explorer.export.options import Scaling
    from explorer.scene.causal_graph import CausalGraph

UNCONDITIONED = Condition()
USUAL_COUNT = 10
"""How many controls a method is asked for where nobody says (the window's default too), if the space has as many."""

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A shipped model's name, or a path.")]
FamilyName = Annotated[str, typer.Option("--family", help="Read the model as this family, whatever it looks like.")]
SeedNumber = Annotated[int, whole("--seed", 0, SEED_LIMIT - 1, help="The prior point to start from.")]
Truncation = Annotated[float, real("--psi", 0, PSI_LIMIT, help="Truncation: 0 is the mean, 1 the prior.")]
SetName = Annotated[
    str,
    typer.Option("--controls", metavar="SET", help="A control set that comes with the model, its file, or a method."),
]
Count = Annotated[
    int | None,
    whole("-k", 1, help="How many controls the method finds.", show_default="10, or all"),
]
MethodSeed = Annotated[int, whole("--method-seed", 0, SEED_LIMIT - 1, help="The method's own seed.")]
GraphFileName = Annotated[
    Path | None,
    typer.Option("--graph", metavar="FILE", help="A causal graph of your own: JSON, DOT, or DAGitty text."),
]
Renamings = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="NAME=VAR", help="What a variable of the graph file is called here; 'NAME=' leaves it out."
    ),
]
Steps = Annotated[int, whole("--steps", 0, help="Sampler steps (diffusion); 0: the model's own.")]
Sampler = Annotated[
    str, typer.Option("--sampler", metavar="NAME", help=f"{', '.join(SAMPLERS)} (diffusion); empty: the model's own.")
]
Height = Annotated[int, whole("--height", 0, help="Height of a picture in pixels; 0: the model's own.")]
Pixels = Annotated[
    bool, typer.Option("--pixels", help="Enlarge by repeating pixels; without it smoothly, as the window shows.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")]


def scaling(pixels: bool) -> Scaling:
    """What ``--pixels`` asks for."""
    return "pixels" if pixels else "smooth"


def engine() -> Engine:
    """An engine in this process, on the best device (or ``LATENT_EXPLORER_DEVICE``)."""
    from explorer.engine.engine import Engine

    return Engine()


def model_reference(name: str, family: str = "") -> ModelRef:
    """The model called ``name``, made absolute where it is a path, so that what is exported replays from anywhere; a
    shipped one by its name, whatever the path to it."""
    from explorer.generators import registry

    path = registry.shipped_name(name) or str(expanded(name).absolute())
    return ModelRef(path=path, family=family)


def control_reference(
    used: Engine,
    model: ModelRef,
    name: str,
    k: int | None = None,
    seed: int = 0,
    settings: tuple[tuple[str, Scalar], ...] = (),
) -> ControlSetRef:
    """The control set called ``name``: a method, one that comes with the model, a file, or, when empty, what the
    model's first method finds.

    Raises :class:`ControlError` where there is none of these, or no method fits.
    """
    from explorer.discovery import registry as methods

    card = used.card(model)
    if name:
        path = expanded(name)
        try:
            name = methods.method(name).card.name
        except ControlError as error:
            ready = next((one for one in card.ready if one.name == name), None)
            if ready is not None and ready.problem:
                raise ControlError(ready.problem) from error
            if settings and (ready is not None or path.is_file()):
                names = ", ".join(dict(settings))
                raise ControlError(
                    f"'{name}' is a set that was made before, so {names} cannot be chosen; name a method instead."
                ) from error
            if ready is not None:
                return ready.controls
            if path.is_file():
                return ControlSetRef(path=shipped_set(name) or str(path.absolute()))
            hint = str(error).partition("; ")[2]
            names = ", ".join(one.name for one in card.ready)
            nor = f" nor a set that comes with '{card.name}' ({names})" if names else ""
            raise ControlError(f"'{name}' is neither a control set's file nor a method{nor}; {hint}") from error
    if not name and not card.methods:
        raise ControlError(f"No method fits '{card.name}'; give a control set's file with --controls.")
    room = min(math.prod(space.shape) for space in card.spaces.values())
    return ControlSetRef(
        method=name or card.methods[0], k=k or min(USUAL_COUNT, room), seed=seed, settings=tuple(settings)
    )


def found_controls(
    used: Engine,
    model: ModelRef,
    name: str,
    k: int | None,
    seed: int,
    settings: tuple[tuple[str, Scalar], ...] = (),
) -> tuple[ControlSetRef, ControlSet]:
    """The control set called ``name``, see :func:`control_reference`, and what it holds; found now where it has to be.
    Progress is shown."""
    chosen = control_reference(used, model, name, k, seed, settings)
    with shown("Finding controls") as progress:
        return chosen, used.control_set(model, chosen, progress)


def steps_note(used: Engine, model: ModelRef, steps: int, sampler: str = "") -> str:
    """What a command says of ``steps``, where they are not the model's own number, such as `` (5 of 50 steps)``.

    Raises :class:`ExplorerError` where the model's pictures cannot take them, or not by ``sampler``.
    """
    card = used.card(model)
    require_steps(card, steps)
    require_sampler(card, sampler)
    text = steps_text(card, steps)
    return f" ({text})" if text else ""


def scene(
    model: ModelRef,
    seed: int,
    psi: float,
    steps: int,
    pane: Pane,
    timeline: Timeline | None = None,
    condition: Condition = UNCONDITIONED,
    sampler: str = "",
) -> Scene:
    """One pane at the prior point of ``seed`` with truncation ``psi``, in ``steps`` sampler steps (0: the model's
    own) of ``sampler`` (empty: its own)."""
    return Scene(
        model=model,
        origin=Seed(seed),
        truncation_psi=psi,
        panes=(pane,),
        quality=Quality(steps=steps, sampler=sampler),
        timeline=timeline or Timeline(),
        condition=condition,
    )


def say_written(out: Path, more: str = "") -> None:
    """Say that ``out`` was exported, and on stderr what it does not carry of what a replay needs."""
    from explorer.export.embed import not_carried

    typer.echo(f"wrote {out}{more}")
    if note := not_carried(out):
        typer.echo(f"note: {note}", err=True)


def checked_name(controls: ControlSet, name: str) -> str:
    """``name`` if the set has it. Raises :class:`ControlError` that suggests the nearest one, or lists them."""
    names = [control.card.name for control in controls.controls]
    if name in names:
        return name
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(names)}."
    raise ControlError(f"There is no control '{name}' in this set of {controls.title}; {hint}")


def as_shown(controls: ControlSet, edit: Edit) -> Edit:
    """``edit``, whose number is what the slider of its control would show: an amount, or a value. Raises as
    :func:`checked_name` does."""
    control = controls.control(checked_name(controls, edit.control))
    return replace(Edit.of(edit.control, edit.number, control.card.shows), window=edit.window)


def assignments(texts: list[str], option: str, example: str) -> dict[str, str]:
    """``NAME=TEXT`` each. Raises :class:`ExplorerError` for anything else, and for a name that is there twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.rpartition("=")
        if not sign or not name or not value:
            raise ExplorerError(f"'{option} {text}' is not of the form NAME=VALUE, such as {example}.")
        if name in found:
            raise ExplorerError(f"'{option}' names '{name}' twice.")
        found[name] = value
    return found


def check_renamings(renamings: list[str] | None, file: Path | None) -> None:
    """Raises :class:`ExplorerError` for ``renamings`` of a graph ``file`` that was not named."""
    if renamings and file is None:
        raise ExplorerError("--map says what variables of a graph file are called; give the file with --graph.")


def graph_from(path: Path, renamings: list[str], own: CausalGraph) -> CausalGraph:
    """The graph in the file ``path`` about the variables of ``own``; ``renamings``: ``NAME=VARIABLE``, or ``NAME=`` for
    one to be left out. Raises :class:`explorer.errors.CausalError` for what cannot be read, and naming the variables
    that are called otherwise here."""
    from explorer.causal.formats.registry import read_graph
    from explorer.causal.naming import about, proposed_names, renamed, unknown_names

    mapping: dict[str, str | None] = {}
    for text in renamings:
        name, sign, variable = text.partition("=")
        if not sign or not name:
            raise ExplorerError(f"'--map {text}' is not of the form NAME=VARIABLE, such as sun=light.")
        if name in mapping:
            raise ExplorerError(f"'--map' names '{name}' twice.")
        if variable:
            own.variable(variable)
        mapping[name] = variable or None
    graph = renamed(read_graph(path).graph, mapping)
    if unknown := unknown_names(graph, own.names):
        proposed = proposed_names(graph, own.names)
        example = " ".join(f"--map {name}={proposed[name] or ''}" for name in unknown[:3])
        listed = ", ".join(f"'{name}'" for name in unknown[:5]) + (" …" if len(unknown) > 5 else "")
        raise CausalError(
            f"'{path.name}' is about {listed}, and the model's variables are {', '.join(own.names)}; say which is "
            f"meant, such as {example}, where nothing after '=' leaves a variable out."
        )
    return about(graph, own)


def window(text: str) -> StepWindow | None:
    """``HIGH:LOW``, the noise at which the steps of a sampler begin and end in which an edit acts; None where the text
    is empty. Raises :class:`ExplorerError` for anything else."""
    if not text:
        return None
    high, sign, low = text.partition(":")
    if not sign:
        raise ExplorerError(f"'--window {text}' is not of the form HIGH:LOW, such as 0.6:0.2.")
    chosen = StepWindow(number(high, "--window"), number(low, "--window"))
    if not 0 <= chosen.low < chosen.high <= 1:
        raise ExplorerError(f"'--window {text}' must fall, within 1 (noise) and 0 (the picture), such as 0.6:0.2.")
    return chosen


def windowed(edits: tuple[Edit, ...], texts: list[str]) -> tuple[Edit, ...]:
    """``edits``, with the windows ``NAME=HIGH:LOW`` of some of them. Raises :class:`ExplorerError` for any other form,
    and for a name that nothing is said of."""
    found = {edit.control: edit for edit in edits}
    for text in texts:
        name, sign, levels = text.rpartition("=")
        if not sign or name not in found:
            raise ExplorerError(
                f"'--window {text}' is not of the form NAME=HIGH:LOW, where '--move NAME=…' says how far it is moved."
            )
        found[name] = replace(found[name], window=window(levels))
    return tuple(found.values())


def moves(texts: list[str]) -> tuple[Edit, ...]:
    """``NAME=AMOUNT`` each. Raises :class:`ExplorerError` for anything else, and for a control named twice."""
    found: dict[str, Edit] = {}
    for text in texts:
        name, sign, amount = text.rpartition("=")
        if not sign or not name:
            raise ExplorerError(f"'--move {text}' is not of the form NAME=AMOUNT, such as z3=1.5.")
        if name in found:
            raise ExplorerError(f"'--move' names the control '{name}' twice.")
        found[name] = Edit(name, number(amount, "--move"))
    return tuple(found.values())


def settings(texts: list[str]) -> tuple[tuple[str, Scalar], ...]:
    """``NAME=VALUE`` each: true, false, numbers, all else as text. Raises :class:`ExplorerError` for other forms."""
    found: dict[str, Scalar] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise ExplorerError(f"'--set {text}' is not of the form NAME=VALUE.")
        found[name] = _scalar(value)
    return tuple(found.items())


def _scalar(text: str) -> Scalar:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for read in (read_whole, read_number):
        with suppress(NumberError):  # the next sort, in the end a text
            return read(text)
    return text


def one_of(choices: Any, text: str, option: str) -> Any:
    """``text`` if the Literal type ``choices`` has it. Raises :class:`ExplorerError` naming ``option``."""
    if text not in get_args(choices):
        raise ExplorerError(f"'{option} {text}' is not one of {', '.join(get_args(choices))}.")
    return text
