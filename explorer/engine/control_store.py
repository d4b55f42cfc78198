"""The control sets of loaded models: read, found, derived from others; and what is kept of them."""

from __future__ import annotations

import hashlib
import itertools
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Condition, Thread

import msgspec

from explorer import __version__, keeping
from explorer.controls import control_set as control_sets
from explorer.controls.control_set import ControlSet
from explorer.discovery import registry as methods
from explorer.discovery.base import Watch
from explorer.engine.named_files import named_in
from explorer.engine.search_queue import POLL, SearchQueue
from explorer.errors import Cancelled, ControlError
from explorer.files import cache_folder, set_file
from explorer.generators.base import Generator, Progress
from explorer.generators.first_picture import check_first_moves
from explorer.importers.registry import open_controls
from explorer.memory import BoundedCache
from explorer.metrics.base import shared
from explorer.reading import is_reading, reading, sha256_of
from explorer.scene.cards import ModelCard
from explorer.scene.model import ControlSetRef, ModelRef

log = logging.getLogger("explorer.engine.control_store")

WORTH_KEEPING = 0.5
"""Seconds: control sets that took longer to make are kept on disk."""

LARGEST_KEPT = 64 << 20
"""Bytes: larger sets (changes of a large network's weights) are made again rather than kept on disk."""

PATIENCE = 10.0
"""Seconds from the start of a search for which a live view waits for its end."""

SETS_KEPT = 64
LARGE_FILE = 1 << 22
"""Bytes from which on a named file is not read again while its size and time stay the same."""

Key = tuple[str, ControlSetRef]
Waiting = Callable[[], None]
"""Called while a search waits for another; raises :class:`explorer.errors.Cancelled` to give it up."""


@dataclass(frozen=True)
class Kept:
    """A control set at hand. ``serial`` grows with every set that is kept, so that a picture made with an older one is
    told from a picture made with this; ``files``: :func:`digest_of_files` when it was made; ``sha256``: of the file
    that it was read from, if it was."""

    controls: ControlSet
    serial: int
    files: str
    sha256: str = ""


@dataclass(eq=False)
class _Asker:
    """Somebody who waits for a set. ``gone``: wants it no more."""

    progress: Progress | None = None
    waiting: Waiting | None = None
    gone: bool = False


@dataclass(eq=False)
class _Search:
    """A set that is being made on a thread of its own, for all who have asked for it: all hear of its progress, each
    may leave, and it is given up when the last one does."""

    files: str
    sha256: str = ""
    since: float = field(default_factory=time.monotonic)
    done: Future[Kept] = field(default_factory=Future)
    askers: list[_Asker] = field(default_factory=list)

    def progress(self, share: float) -> None:
        """Tell all who watch. Raises :class:`Cancelled` when the last of them has left."""
        self._tell(lambda asker: asker.progress(share) if asker.progress is not None else None)

    def in_line(self) -> None:
        """Tell all that it waits for another search. Raises as :meth:`progress` does."""
        self._tell(lambda asker: asker.waiting() if asker.waiting is not None else None)

    def _tell(self, say: Callable[[_Asker], None]) -> None:
        for asker in list(self.askers):
            if not asker.gone:
                try:
                    say(asker)
                except Cancelled:
                    asker.gone = True
        if self.askers and all(asker.gone for asker in self.askers):
            raise Cancelled


class ControlStore:
    """Makes control sets, one search at a time, and keeps them. Safe to use from several threads.

    ``generator`` gives the loaded generator of a model; ``taking_turns`` one whose calls wait for their turn at the
    device.
    """

    def __init__(
        self, generator: Callable[[ModelRef], Generator], taking_turns: Callable[[ModelRef], Generator]
    ) -> None:
        self._generator = generator
        self._taking_turns = taking_turns
        self.queue = SearchQueue()
        self._changed = Condition()
        self._serials = itertools.count(1)
        self._kept: BoundedCache[Key, Kept] = BoundedCache(SETS_KEPT)
        self._previews: dict[Key, Kept] = {}
        self._searches: dict[Key, _Search] = {}

    def find(
        self,
        model: ModelRef,
        controls: ControlSetRef,
        progress: Progress | None = None,
        waiting: Waiting | None = None,
    ) -> Kept:
        """The set ``controls`` of ``model``: at hand, from its file, from the disk, or searched for now.

        ``progress`` may be a :class:`Watch`, which also takes previews. ``waiting``: see :data:`Waiting`. Raises
        :class:`ControlError` when the method or the file does not fit the model.
        """
        key = self._key(model, controls)
        files = digest_of_files(controls)
        while True:
            asker = _Asker(progress, waiting)
            with self._changed:
                kept = self._kept.get(key)
                # A file that is named with its digest is one content for ever, whatever its path leads to now.
                if kept is not None and (kept.files == files or (controls.digest and kept.sha256 == controls.digest)):
                    return kept
                search = self._searches.get(key) or self._begin(model, key, files)
                search.askers.append(asker)
            try:
                return _awaited(search, asker)
            except Cancelled:
                if asker.gone:
                    raise
                # It was given up by others just before this one asked: it begins again.

    def shown(self, model: ModelRef, controls: ControlSetRef) -> Kept:
        """What a live view is made with: the set ``controls``, or while a search for it runs what that has found so
        far. Waits :data:`PATIENCE` for the end of a search, and begins none that takes long.

        Raises :class:`ControlError` where there is nothing to show.
        """
        key = self._key(model, controls)
        with self._changed:
            kept = self._kept.get(key) or self._previews.get(key)
            if kept is not None:
                return kept
            search = self._searches.get(key)
            if search is None:
                files = digest_of_files(controls)
                if not (_is_quick(controls) or keeping.is_there(_kept_at(key, files))):
                    raise ControlError("The controls of this picture have not been looked for yet; choose them again.")
                search = self._begin(model, key, files)
        try:
            return search.done.result(max(0.0, search.since + PATIENCE - time.monotonic()))
        except TimeoutError:
            sentence = "The controls of this picture are still being looked for; it is drawn when they are found."
            raise ControlError(sentence) from None
        except Cancelled:
            raise ControlError(
                "The search for the controls of this picture was cancelled; choose them again."
            ) from None

    def _key(self, model: ModelRef, controls: ControlSetRef) -> Key:
        """What a set is kept under."""
        named = controls if controls.path else msgspec.structs.replace(controls, digest="")
        return self._generator(model).card.fingerprint, named

    # --- making one ----------------------------------------------------------------------------------------------

    def _begin(self, model: ModelRef, key: Key, files: str) -> _Search:
        """A search for the set of ``key``, started."""
        search = self._searches[key] = _Search(files)
        Thread(target=self._run, args=(model, key, search), name="search", daemon=True).start()
        return search

    def _run(self, model: ModelRef, key: Key, search: _Search) -> None:
        """Make the set of ``key`` and tell everybody who waits for it, whatever comes of it."""
        try:
            found = self._made(model, key, search)
            found.check(self._generator(model).card)
        except BaseException as error:  # noqa: BLE001  (raised again in everybody who waits for it)
            self._end(key)
            search.done.set_exception(error)
        else:
            kept = Kept(found, next(self._serials), search.files, search.sha256)
            self._end(key, kept)
            search.done.set_result(kept)

    def _end(self, key: Key, kept: Kept | None = None) -> None:
        """The search for the set of ``key`` is over; ``kept`` came of it."""
        with self._changed:
            if kept is not None:
                self._kept.put(key, kept)
            self._searches.pop(key, None)
            self._previews.pop(key, None)

    def _made(self, model: ModelRef, key: Key, search: _Search) -> ControlSet:
        _, controls = key
        plain = _plain(controls)
        if controls.path and controls == plain:
            return self._opened(model, controls, search)
        kept, card = _kept_at(key, search.files), self._generator(model).card
        before = keeping.kept(kept, lambda content: _checked(control_sets.decode(content, kept), card))
        if before is not None:
            return before
        start = time.perf_counter()
        if controls == plain:
            found = self._discovered(model, key, search, cache_folder() / "searches" / f"{kept.stem}.pt")
        else:
            found = self._derived(model, key, search, plain)
        costly = time.perf_counter() - start > WORTH_KEEPING and _bytes(found) <= LARGEST_KEPT
        if costly and digest_of_files(controls) == search.files:  # not under the digest of files of before
            keeping.keep(kept, control_sets.encode(found))
        return found

    def _opened(self, model: ModelRef, controls: ControlSetRef, search: _Search) -> ControlSet:
        """The set in the file that ``controls`` name. Raises :class:`ControlError` where that has another digest than
        they say."""
        path = set_file(controls.path)
        with reading() as files:  # so that the digests are of the very bytes that are used
            found = open_controls(path, self._generator(model).card, dict(controls.settings))
            search.files, search.sha256 = digest_of_files(controls), files.sha256(path)
        if controls.digest and search.sha256 != controls.digest:
            raise ControlError(
                f"The control set '{controls.path}' has changed since it was chosen; put the old file back, or choose "
                "it again."
            )
        found.check(self._generator(model).card)
        check_first_moves(self._taking_turns(model), found.controls, path.name)
        return found

    def _discovered(self, model: ModelRef, key: Key, search: _Search, checkpoint: Path) -> ControlSet:
        _, controls = key
        method, generator = methods.method(controls.method), self._taking_turns(model)
        if reason := method.refusal(generator.card):
            raise ControlError(reason)
        with self.queue.turn(_is_quick(controls), search.in_line) as give_way:

            def progress(share: float) -> None:
                give_way()
                search.progress(share)

            watch = Watch(progress, self._preview(key, search), checkpoint if method.card.trained else None)
            return method.discover(generator, controls.k, controls.seed, dict(controls.settings), watch)

    def _derived(self, model: ModelRef, key: Key, search: _Search, plain: ControlSetRef) -> ControlSet:
        """The set ``plain`` and what is made of it. Previews of its search are shown as they are."""
        # Here, because matching brings scipy, and no picture should wait for that.
        from explorer.comparison.derive import derive

        _, controls = key
        finding, like, deriving = shared(search.progress, (4.0, 2.0, 2.0))
        found = self.find(model, plain, Watch(finding, self._preview(key, search)), search.in_line).controls
        # All that it is made of is found before its turn: a search that it had to wait for could not have one.
        theirs = found if controls.like is None else self.find(model, controls.like, like, search.in_line).controls
        like(1.0)
        with self.queue.turn(True, search.in_line) as give_way:

            def progress(share: float) -> None:
                give_way()
                deriving(share)

            return derive(found, controls, self._taking_turns(model), lambda ref: theirs, progress)

    def _preview(self, key: Key, search: _Search) -> Callable[[ControlSet], None]:
        """Keeps what a search has found so far, and shows it to those who watch."""

        def preview(found: ControlSet) -> None:
            with self._changed:
                self._previews[key] = Kept(found, next(self._serials), search.files)
            for asker in list(search.askers):
                if isinstance(asker.progress, Watch) and not asker.gone:
                    asker.progress.preview(lambda: found)

        return preview


def _plain(controls: ControlSetRef) -> ControlSetRef:
    """The set of which ``controls`` are made, as it is searched for or read."""
    asked = dict(controls.settings)
    if controls.method and not controls.path:
        asked = methods.searched_with(controls.method, asked)
    settings = tuple((name, value) for name, value in controls.settings if name in asked)
    return msgspec.structs.replace(
        controls, settings=settings, without=(), units="native", tau=ControlSetRef().tau, like=None
    )


def _kept_at(key: Key, files: str) -> Path:
    """The file that keeps the set of ``key``, if it took long enough to make."""
    fingerprint, controls = key
    asked = msgspec.json.encode([fingerprint, controls, __version__, _versions(controls), files])
    return cache_folder() / "controls" / f"{hashlib.sha256(asked).hexdigest()[:32]}.kept"


def _checked(controls: ControlSet, card: ModelCard) -> ControlSet:
    """``controls``. Raises :class:`ControlError` where they are not of the model that ``card`` describes."""
    controls.check(card)
    return controls


def _bytes(controls: ControlSet) -> int:
    return sum(tensor.nbytes for control in controls.controls for tensor in control.tensors().values())


def _awaited(search: _Search, asker: _Asker) -> Kept:
    """The result of ``search``. Raises :class:`Cancelled` as soon as ``asker`` has left, if others still wait for it,
    else when it has put away what it had."""
    try:
        while not wait([search.done], POLL).done:
            if asker.gone and not all(other.gone for other in search.askers):
                raise Cancelled
    except KeyboardInterrupt:
        asker.gone = True
        if all(other.gone for other in search.askers):
            wait([search.done])
        raise
    return search.done.result()


def _is_quick(controls: ControlSetRef) -> bool:
    """Whether the set takes seconds rather than minutes to make."""
    if controls.path:
        return True
    card = methods.method(controls.method).card
    return not (card.trained or card.expensive) and (controls.like is None or _is_quick(controls.like))


def _versions(controls: ControlSetRef) -> list[int]:
    """Of the method of ``controls``, and of that of the set that it is matched to: what an older one has found is not
    what it finds now. 0 for a method that is not there: its search says so."""
    try:
        own = methods.method(controls.method).card.version if controls.method else 0
    except ControlError:
        own = 0
    return [own, *(_versions(controls.like) if controls.like is not None else ())]


def digest_of_files(controls: ControlSetRef) -> str:
    """What tells whether the files that ``controls`` names are still the same; empty where it names none."""
    found = [_digest_of(path) for named in named_in(controls) for path in named.paths]
    return "" if not any(found) else hashlib.sha256("\n".join(found).encode()).hexdigest()


def _digest_of(path: Path) -> str:
    """Of a file its SHA-256, of a folder that of its files' names, sizes and times; empty where there is neither."""
    if path.is_file():
        state = path.stat()
        large = state.st_size >= LARGE_FILE and not is_reading()
        return _digest_at(path, state.st_size, state.st_mtime_ns) if large else sha256_of(path)
    if path.is_dir():
        inside = [(str(one.relative_to(path)), one.stat()) for one in sorted(path.rglob("*")) if one.is_file()]
        listed = [(name, state.st_size, state.st_mtime_ns) for name, state in inside]
        return hashlib.sha256(msgspec.json.encode(listed)).hexdigest()
    return ""


@lru_cache(maxsize=256)
def _digest_at(path: Path, size: int, modified: int) -> str:
    """The SHA-256 of the file that had this size and time, read once."""
    return sha256_of(path)
