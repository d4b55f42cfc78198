"""Numbers of the command line: the same texts are read as in the window, and the same are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import typer

from explorer.errors import ExplorerError
from explorer.scene.number_text import (
    NumberError,
    check_within,
    number_text,
    read_number,
    read_numbers,
    read_range,
    read_whole,
)
from explorer.scene.number_text import read_seeds as seeds_of

Read = TypeVar("Read")
Number = TypeVar("Number", int, float)


def whole(name: str, low: int | None = None, high: int | None = None, **more: Any) -> Any:
    """The option ``name`` of a command that takes a whole number from ``low`` to ``high``; ``more`` as typer has it."""
    return _option(name, read_whole, low, high, more)


def real(name: str, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """The option ``name`` of a command that takes a number from ``low`` to ``high``; ``more`` as typer has it."""
    return _option(name, read_number, low, high, more)


def number(text: str, option: str) -> float:
    """One number. Raises :class:`ExplorerError` naming ``option``."""
    return _of(option, lambda: read_number(text))


def integer(text: str, option: str, low: int, high: int) -> int:
    """One whole number from ``low`` to ``high``. Raises :class:`ExplorerError` naming ``option``."""

    def read() -> int:
        value = read_whole(text)
        check_within(value, low, high)
        return value

    return _of(option, read)


def numbers(text: str, option: str) -> tuple[float, ...]:
    """Numbers between commas. Raises :class:`ExplorerError` naming ``option``."""
    return _of(option, lambda: read_numbers(text))


def seeds(text: str, option: str) -> tuple[int, ...]:
    """Seeds and ranges of them, such as ``1,2,3`` or ``0-7``. Raises :class:`ExplorerError` naming ``option``."""
    return _of(option, lambda: seeds_of(text))


def span(text: str, option: str) -> tuple[int, int]:
    """The ends of a range such as ``0-3``. Raises :class:`ExplorerError` naming ``option``."""
    return _of(option, lambda: read_range(text))


def _of(option: str, read: Callable[[], Read]) -> Read:
    try:
        return read()
    except NumberError as error:
        raise ExplorerError(f"Invalid value for '{option}': {error}") from error


def _option(
    name: str, read: Callable[[str], Number], low: Number | None, high: Number | None, more: dict[str, Any]
) -> Any:
    """The option, with its range in the place of a type."""

    def checked(typed: str | Number) -> Number:
        try:
            value = read(typed) if isinstance(typed, str) else typed  # the option's default comes as it is
            check_within(value, low, high)
        except NumberError as error:
            raise typer.BadParameter(str(error)) from error
        return value

    ends = ["" if end is None else number_text(end) for end in (low, high)]
    return typer.Option(name, parser=checked, **{"metavar": "…".join(ends) if any(ends) else "NUMBER", **more})
