"""Training pictures from a folder of the user's images: every file is used, converted, or skipped by name.

The pictures are prepared once (cropped to the middle square, averaged down, 8 bit) and kept in the cache folder as one
array, which is mapped rather than read: a large folder costs no memory, and a second start no time.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from explorer import keeping
from explorer.errors import ExplorerError, ExportError
from explorer.files import PICTURE_SUFFIXES, atomic_path, cache_folder, scratch_folder
from explorer.generators.base import Progress
from explorer.picture_file import UnusablePicture, fitted, open_picture, warnings_in_order
from explorer.training.batch import Batch, as_images
from explorer.worlds.base import World

DEFAULT_SIZE = 64
FEWEST = 16  # pictures; fewer teach nothing
HELD_OUT = 20  # every so-many-th picture is kept from training, where there are enough
ENOUGH = 200
FORMAT = 3  # of the cache; raised when the preparation changes
AT_ONCE = 1024  # pictures that are in memory while they are written or digested


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the files. ``used`` in the order of the array; ``converted`` and ``skipped``: (file, why)."""

    used: tuple[str, ...]
    converted: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]
    fingerprint: str  # SHA-256 of the prepared pictures


class Found(NamedTuple):
    """What lies below a folder: the pictures by their names, in order; how many files have other endings; what was not
    looked into, (name, why)."""

    pictures: list[Path]
    others: dict[str, int]
    closed: list[tuple[str, str]]


class Prepared(NamedTuple):
    """One file's picture (size, size, 3), None where it was skipped; whether it was grey, and what was done."""

    pixels: NDArray[np.uint8] | None
    grey: bool
    why: str


class FolderSource:
    """The images below a folder, drawn with replacement. Raises :class:`ExplorerError` where there are too few."""

    world: World | None = None

    def __init__(
        self,
        folder: Path,
        size: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.name, self.size = str(folder), size or DEFAULT_SIZE
        found = pictures_below(folder)
        self.listing, self._pictures = _prepared(folder, found.pictures, self.size, progress)
        self._others, self._closed = found.others, found.closed
        self.fingerprint = self.listing.fingerprint
        self.channels = self._pictures.shape[3]
        total = len(self._pictures)
        everyone = np.arange(total)
        apart = total >= ENOUGH
        self._held_out = everyone[::HELD_OUT] if apart else everyone
        self._training = np.setdiff1d(everyone, self._held_out) if apart else everyone
        self.count = len(self._training)
        tested = f"{len(self._held_out)} more held out for the figures" if apart else "none held out"
        colours = "grey" if self.channels == 1 else "colour"
        self.description = f"{self.count} {colours} pictures of the user's, {self.size} pixels; {tested}"

    def draw(self, n: int, seed: int) -> Batch:
        """``n`` of the training pictures, with replacement."""
        return self._draw(self._training, n, seed)

    def held_out(self, n: int, seed: int) -> Batch:
        """``n`` of the pictures that training does not see (of all, where there are fewer than 200)."""
        return self._draw(self._held_out, n, seed)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know: how many files are used, what was converted, and every skipped file by name."""
        lines = [f"{len(self.listing.used)} pictures in '{self.name}'"]
        counts = Counter(why for _, why in self.listing.converted)
        lines += [f"{count} converted: {why}" for why, count in counts.most_common()]
        lines += [f"skipped '{name}': {why}" for name, why in (*self._closed, *self.listing.skipped)]
        if self._others:
            kinds = ", ".join(f"{count} {ending or 'without ending'}" for ending, count in self._others.items())
            lines.append(f"left out, no pictures by their names: {kinds}")
        return tuple(lines)

    def _draw(self, among: NDArray[np.int64], n: int, seed: int) -> Batch:
        chosen = among[np.random.default_rng(seed).integers(len(among), size=n)]
        return Batch(as_images(np.ascontiguousarray(self._pictures[chosen])), None)


def pictures_below(folder: Path) -> Found:
    """All files below ``folder``; links to folders are not followed. Raises :class:`ExplorerError` without pictures."""
    pictures: list[Path] = []
    others: Counter[str] = Counter()
    closed: list[tuple[str, str]] = []

    def refused(error: OSError) -> None:
        closed.append((_named(Path(error.filename), folder), f"cannot be read ({error.strerror})"))

    for place, folders, names in os.walk(folder, onerror=refused):
        here = Path(place)
        closed += [
            (_named(here / name, folder), "is a link to a folder") for name in folders if (here / name).is_symlink()
        ]
        for path in (here / name for name in names):
            if path.suffix.lower() not in PICTURE_SUFFIXES:
                others[path.suffix.lower()] += 1
            elif path.is_file():
                pictures.append(path)
            else:
                closed.append((_named(path, folder), "is no file, or a link to nothing"))
    if not pictures:
        said = "; ".join(f"'{name}' {why}" for name, why in closed[:3])
        kinds = ", ".join(sorted(PICTURE_SUFFIXES))
        raise ExplorerError(
            f"The folder '{folder}' has no images; put files of these kinds into it: {kinds}"
            + (f" ({said})." if said else ".")
        )
    return Found(sorted(pictures), dict(sorted(others.items())), sorted(closed))


def _named(path: Path, folder: Path) -> str:
    """How a file below ``folder`` is called in a line of text, whatever bytes its name has."""
    name = str(path.relative_to(folder))
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def _prepared(
    folder: Path, files: list[Path], size: int, progress: Progress | None
) -> tuple[Listing, NDArray[np.uint8]]:
    key = hashlib.sha256(f"{FORMAT} {size}".encode())
    for path in files:
        stat = path.stat()
        key.update(os.fsencode(path.resolve()) + f"\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    array = cache_folder() / "pictures" / f"{key.hexdigest()[:32]}.npy"
    described = array.with_suffix(".kept")
    before = keeping.kept(described, msgspec.json.Decoder(Listing).decode)
    if before is not None:
        pictures = keeping.kept_file(array, lambda path: _mapped(path, before, size))
        if pictures is not None:
            return before, pictures
    try:
        listing = _prepare(folder, files, size, array, progress)
        keeping.keep(described, msgspec.json.encode(listing))
        return listing, _mapped(array, listing, size)
    except ExportError as error:
        keeping.failed(array, error)
        # For this run alone. What is mapped stays when its name goes; where that cannot be, the name stays.
        with scratch_folder() as place:
            listing = _prepare(folder, files, size, place / array.name, progress)
            return listing, _mapped(place / array.name, listing, size)


def _mapped(array: Path, listing: Listing, size: int) -> NDArray[np.uint8]:
    """The pictures in ``array``, as :func:`_prepare` has written them. Raises where they are no longer these, whatever
    numpy does."""
    pictures: NDArray[np.uint8] = np.load(array, mmap_mode="r", allow_pickle=False)
    digest = hashlib.sha256()
    if pictures.dtype == np.uint8 and pictures.shape[:3] == (len(listing.used), size, size):
        for start in range(0, len(pictures), AT_ONCE):
            digest.update(pictures[start : start + AT_ONCE].tobytes())
    if digest.hexdigest() != listing.fingerprint:
        raise ValueError("it is not as it was written")
    return pictures


def _prepare(
    folder: Path,
    files: list[Path],
    size: int,
    array: Path,
    progress: Progress | None,
) -> Listing:
    """Write the array (pictures, size, size, channels), in grey where every picture is. Raises
    :class:`ExportError` where that cannot be."""
    used: list[str] = []
    converted: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    all_grey = True
    digest = hashlib.sha256()
    # Written, not mapped: on a full disk a mapped file ends the program. ``rows`` has colours, until it is known if
    # all are grey.
    with atomic_path(array) as temporary, tempfile.TemporaryFile(dir=array.parent) as rows:
        with warnings_in_order(), ThreadPoolExecutor(2) as pool:
            for done, (path, found) in enumerate(zip(files, pool.map(lambda p: prepare(p, size), files), strict=True)):
                name = _named(path, folder)
                if found.pixels is None:
                    skipped.append((name, found.why))
                else:
                    used.append(name)
                    converted += [(name, found.why)] if found.why else []
                    all_grey = all_grey and found.grey
                    rows.write(found.pixels.tobytes())
                if progress is not None:
                    progress((done + 1) / len(files))
        if len(used) < FEWEST:
            worst = "; ".join(f"'{name}' {why}" for name, why in skipped[:3])
            raise ExplorerError(
                f"The folder '{folder}' has {len(used)} usable images of {size} pixels, and training needs at least "
                f"{FEWEST}; add more, or give a smaller size" + (f" (skipped: {worst})." if worst else ".")
            )
        channels = 1 if all_grey else 3
        rows.seek(0)
        with temporary.open("wb") as out:
            shape = (len(used), size, size, channels)
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(out, header)
            while block := rows.read(AT_ONCE * size * size * 3):
                part = np.frombuffer(block, np.uint8).reshape(-1, size, size, 3)[..., :channels].tobytes()
                out.write(part)
                digest.update(part)
    return Listing(used=tuple(used), converted=tuple(converted), skipped=tuple(skipped), fingerprint=digest.hexdigest())


def prepare(path: Path, size: int) -> Prepared:
    """The middle square of one image, averaged down to ``size`` pixels, as 8-bit RGB."""
    try:
        found = open_picture(path)
    except UnusablePicture as error:
        return Prepared(None, False, str(error))
    image = found.image
    if min(image.size) < size:
        return Prepared(None, False, f"is {image.width}×{image.height}, smaller than {size} pixels")
    square = fitted(image, size, size)
    grey = found.grey or bool((square.pixels[..., :1] == square.pixels).all())
    return Prepared(square.pixels, grey, ", ".join(filter(None, (*found.changes, square.cropped))))
