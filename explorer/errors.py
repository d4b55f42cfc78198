"""Errors that are meant for the user: one sentence that says what is wrong and what to do about it."""

from __future__ import annotations


class ExplorerError(Exception):
    """Base of every error that reaches the user; ``str(error)`` is the sentence shown in the window and on the
    command line."""


class ModelError(ExplorerError):
    """A model file cannot be used: foreign, truncated, damaged, or too large."""


class ControlError(ExplorerError):
    """A control set does not fit the generator, the space or the request."""


class CausalError(ExplorerError):
    """A causal graph, its mechanisms or a question about them cannot be used: a circle, an unknown variable, a value
    out of range, an effect that is not identified."""


class SceneError(ExplorerError):
    """A scene file cannot be read, or asks for something that does not exist."""


class ExportError(ExplorerError):
    """A file cannot be written: read-only folder, full disk, unknown format."""


class Cancelled(Exception):
    """Raised inside long work when its user asked it to stop; what was half written has been removed."""


def clause(reason: BaseException | str) -> str:
    """A sentence as a part of another one: without its full stop, and without a capital where it begins, unless that
    begins an abbreviation."""
    text = str(reason).rstrip(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
