"""The command ``latent-explorer``: registers the commands, and turns every known failure into one line.

Nothing heavy is imported here or by the command files' heads, so that ``--help`` and the window start at once.
"""

from __future__ import annotations

import contextlib
import errno
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from explorer import __version__, ending
from explorer.cli import (
    bench,
    catalogue,
    compare,
    directions,
    discover,
    do,
    effects,
    export_onnx,
    graph,
    gui,
    invert,
    measure,
    render,
    replay,
    sheet,
    train,
    traverse,
)
from explorer.errors import Cancelled, ExplorerError
from explorer.files import remove_leftovers

BAD_INPUT = 2
INTERRUPTED = 130

app = typer.Typer(
    name="latent-explorer",
    help="Explore the latent spaces of GAN, VAE and diffusion generators. Without a command it opens the window.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"Latent Explorer {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    model: Annotated[str, typer.Option(metavar="MODEL", help="Open this model: a shipped name, or a path.")] = "",
    scene: Annotated[Path | None, typer.Option(metavar="FILE", help="Open this scene, or an exported file.")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    """Explore the latent spaces of GAN, VAE and diffusion generators. Without a command it opens the window."""
    if context.invoked_subcommand is None:
        gui.gui(model, scene)


app.command()(gui.gui)
app.command()(catalogue.models)
app.command()(catalogue.methods)
app.command()(catalogue.inspect)
app.command()(render.render)
app.command()(discover.discover)
app.command()(do.do)
app.command()(invert.invert)
app.command()(graph.graph)
app.command("import")(directions.import_directions)
app.command()(directions.export_directions)
app.command()(export_onnx.export_onnx)
app.command()(traverse.traverse)
app.command()(sheet.sheet)
app.command()(measure.measure)
app.command()(compare.compare)
app.command()(effects.effects)
app.command()(train.train)
app.command()(replay.replay)
app.command()(bench.bench)

# The library that typer stands on is inside it in newer versions and beside it in older ones.
_UsageError = typer.BadParameter.__bases__[0]


# What torch raises on the CPU and on devices is a RuntimeError that says so.
_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 2 with one line on stderr for bad input, 130 after Ctrl-C."""
    remove_leftovers()
    try:
        code = app(list(arguments), standalone_mode=False)
        if code == INTERRUPTED:  # newer versions of typer take Ctrl-C for themselves
            raise KeyboardInterrupt
    except ExplorerError as error:
        return _fail(str(error))
    except (Cancelled, KeyboardInterrupt, typer.Abort):
        with contextlib.suppress(OSError):  # the terminal may be what has ended
            typer.echo("stopped", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        sys.stderr.close()
        return 0
    except Exception as error:
        if isinstance(error, _UsageError):
            # "Value error, " is what the checking library puts before the reason that a choice is refused.
            said = str(error.format_message()).replace(": Value error, ", ": ")  # type: ignore[attr-defined]
            return _fail(f"{said if said[-1:] in '.?' else said + '.'} See 'latent-explorer --help'.")
        if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error))):
            return _fail("There is not enough memory for this; choose a smaller model, or fewer pictures at once.")
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            return _fail(f"'{error.filename}' is longer than the name of a file can be; check the path.")
        raise
    return code if isinstance(code, int) else 0


def _fail(sentence: str) -> int:
    typer.echo(f"error: {' '.join(sentence.split())}", err=True)
    return BAD_INPUT


def _write_any_text() -> None:
    """What the encoding of a terminal or a file lacks (→ in Latin-1) is written as its number,
    and ends nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """The entry of the script ``latent-explorer``."""
    _write_any_text()
    ending.raise_when_told()
    sys.exit(ending.exit_code(run(sys.argv[1:])))
