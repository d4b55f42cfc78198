"""The families there are, and the one question asked of a path: whose is it?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path, PureWindowsPath

import msgspec
import torch

import explorer.generators as package
from explorer.errors import ModelError, instead, plain_text
from explorer.file_kinds import registry as file_kinds
from explorer.files import expanded, package_folder
from explorer.generators.base import Family, Generator, Progress, Verdict
from explorer.generators.budget import within_budget
from explorer.generators.first_picture import check_first_picture
from explorer.generators.official_pickles import SUFFIXES as PICKLES
from explorer.generators.opening import NUMBER_BYTES, LoadingShare, check_fits
from explorer.generators.state_dicts import SUFFIXES
from explorer.outputs.registry import output_of
from explorer.plugins import Additions, added, declared
from explorer.reading import foreign, reading
from explorer.scene.cards import ModelCard
from explorer.worlds.attributes import predictors_folder

ENTRY_POINTS = "explorer.generators"
"""Group of entry points; each names a ``FAMILY`` object, or a module that has one."""


@cache
def plugged() -> Additions[Family]:
    """Every family there is, and what came of no plugin; looked up once."""
    own: dict[str, Family] = {family.name: family for _, family in declared(package, "FAMILY")}
    return added(own, ENTRY_POINTS, "FAMILY", _name_of)


def _name_of(family: Family) -> str:
    """The name of a plugin's ``family``, once it has given what lists of models and of methods ask of it."""
    for card in family.specimens():
        output_of(card)
    if not (family.title and family.short_title):
        raise ValueError("it has no title")
    return family.name


def families() -> dict[str, Family]:
    """Name → family: every module of this package with a module-level ``FAMILY``, and those of installed packages."""
    return plugged().found


@dataclass(frozen=True)
class Identification:
    """What every family said about a path; ``family`` is the one that can load it, or empty."""

    path: Path
    family: str
    verdicts: dict[str, Verdict]

    @property
    def sentence(self) -> str:
        """Why nothing can load it, in one sentence."""
        broken = [verdict.reason for verdict in self.verdicts.values() if verdict.mine and verdict.problem]
        if broken:
            return broken[0]
        if not self.path.exists():
            return f"'{self.path}' does not exist; check the path."
        if told := file_kinds.sentence(self.path):
            return told
        if failed := [verdict.reason for verdict in self.verdicts.values() if verdict.problem]:
            return failed[0]
        known = ", ".join(family.title for family in families().values())
        return f"'{self.path.name}' is no model that this program knows; it opens {known}."


def identify(path: Path) -> Identification:
    """Ask every family about ``path``; reads headers only."""
    # A plugin that cannot be loaded claims no path, and says why.
    verdicts = {name: Verdict(False, problem) for name, problem in plugged().problems.items()}
    verdicts |= {name: _verdict(family, path) for name, family in families().items()}
    mine = [name for name, verdict in verdicts.items() if verdict.mine and not verdict.problem]
    return Identification(path, mine[0] if mine else "", verdicts)


def _verdict(family: Family, path: Path) -> Verdict:
    """What ``family`` says about ``path``. A family of the program that fails there was led astray by a file that looks
    like one of its own; one of a plugin may fail at anything."""
    try:
        with _asking(family, path):
            return family.identify(path)
    except ModelError as error:
        return Verdict(_is_own(family), str(error), problem=True)


@contextmanager
def _asking(family: Family, path: Path) -> Iterator[None]:
    """A block in which ``family`` looks at the file or folder ``path`` of somebody else: what it computes stays within
    the budget of such a model, and whatever it raises becomes a :class:`ModelError` with one sentence."""
    whose = "" if _is_own(family) else (
        f"The plugin for {family.title} failed at '{path.name}', so it was not opened; update or remove the plugin, or "
        "choose another file."
    )  # fmt: skip
    # What ships is no stranger's, and following it would import torch's compiler.
    budget = nullcontext() if path in shipped_models().values() else within_budget(path)
    with foreign(path, f"a model of the family {family.short_title}", sentence=whose), budget:
        try:
            yield
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise ModelError(
                f"'{path.name}' does not fit into the memory that is free; close other models or choose a smaller one."
            ) from error


def _is_own(family: Family) -> bool:
    return type(family).__module__.startswith(f"{package.__name__}.")


def shipped_models() -> dict[str, Path]:
    """Name → folder of the generators that come with the program."""
    folder = package_folder("models")
    return dict(_models_in(folder, folder.stat().st_mtime_ns)) if folder.is_dir() else {}


@lru_cache(maxsize=1)
def _models_in(folder: Path, changed: int) -> dict[str, Path]:
    """Looked up once for every time that ``folder`` changed: every picture asks for its model by name."""
    predictors = predictors_folder()
    return {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and path != predictors}


def shipped_name(text: str, fingerprint: str = "") -> str:
    """The name of the shipped model that ``text`` leads to; empty where it leads to none. It is that name, or the
    folder of the model here; or, where ``fingerprint`` is the model's, a folder of its name in another copy of the
    program, which need not be on this machine."""
    models = shipped_models()
    if text in models:
        return text
    name = PureWindowsPath(text).name  # which knows the separators of every system
    folder = models.get(name)
    if folder is None:
        return ""
    here = expanded(text).resolve() == folder.resolve()
    return name if here or (fingerprint and fingerprint == _fingerprint_in(folder, folder.stat().st_mtime_ns)) else ""


@lru_cache(maxsize=16)
def _fingerprint_in(folder: Path, changed: int) -> str:
    """Of the model in ``folder``, computed once for every time that its files changed; empty where it is broken."""
    try:
        return describe(str(folder)).fingerprint
    except ModelError:
        return ""


def resolve(name_or_path: str, fingerprint: str = "") -> Path:
    """The path of a shipped model's name, or the path itself; where that is a folder that holds one checkpoint and
    nothing else, the checkpoint. Where nothing is there, the shipped model that was meant (:func:`shipped_name`).
    """
    path = shipped_models().get(name_or_path) or expanded(name_or_path)
    if fingerprint and not path.exists():
        path = shipped_models().get(shipped_name(name_or_path, fingerprint), path)
    if path.is_dir():
        inside = [file for file in path.iterdir() if not file.name.startswith(".")]
        if len(inside) == 1 and inside[0].suffix.lower() in (*SUFFIXES, *PICKLES) and inside[0].is_file():
            return inside[0]
    return path


LONGEST_NAME, LONGEST_TEXT = 100, 2000
"""Characters of what is shown of a model: names of files, and what people have written about it."""
BY_CHOICE = "You have said so; the file does not look like it."


def _family_of(path: Path, family: str) -> tuple[Family, str]:
    """The family that ``path`` belongs to, or the one that the user named, and why it is that."""
    if family and family not in families():
        raise ModelError(f"There is no family '{family}'; {instead(family, families())}")
    if not family:
        found = identify(path)
        if not found.family:
            raise ModelError(found.sentence)
        return families()[found.family], found.verdicts[found.family].reason
    verdict = _verdict(families()[family], path)
    return families()[family], verdict.reason if verdict.mine else BY_CHOICE


def describe(name_or_path: str, family: str = "") -> ModelCard:
    """The card without loading the weights. Raises :class:`ModelError` with one sentence."""
    path = resolve(name_or_path)
    chosen, reason = _family_of(path, family)
    with _asking(chosen, path):
        return _completed(chosen.describe(path), chosen, reason, path)


def load(name_or_path: str, device: torch.device, family: str = "", progress: Progress | None = None) -> Generator:
    """Identify and load. ``family`` overrides what `identify` says. What becomes of the files afterwards is nothing to
    the generator. ``progress`` hears the share of what is read and built, and ends the loading by what it raises.
    Raises :class:`ModelError` with one sentence, before anything is read where the model does not fit into memory."""
    path = resolve(name_or_path)
    check_fits(path)
    share = LoadingShare(path, progress)
    with reading(share.passed):  # so that the card, its fingerprint too, is of the very bytes that are loaded
        chosen, reason = _family_of(path, family)
        with _asking(chosen, path):
            generator = chosen.load(path, device, share.reached)
            check_first_picture(generator)
            generator.card = _completed(generator.card, chosen, reason, path)
    return generator


def _completed(card: ModelCard, family: Family, reason: str, path: Path) -> ModelCard:
    """``card`` with texts that can be shown, and with what its family alone does not write: what that is called, for
    which ``reason`` it is this one, what memory its weights take, and whether the model came with us. Raises
    :class:`ModelError` where the family makes what the program does not know."""
    output_of(card)
    return msgspec.structs.replace(
        card,
        name=plain_text(card.name, LONGEST_NAME) or family.short_title,
        licence=plain_text(card.licence, LONGEST_TEXT),
        origin=plain_text(card.origin, LONGEST_TEXT),
        notes=plain_text(card.notes, LONGEST_TEXT),
        family_title=family.short_title,
        reason=reason,
        memory=NUMBER_BYTES * card.parameters,
        shipped=bool(shipped_name(str(path))),
    )
