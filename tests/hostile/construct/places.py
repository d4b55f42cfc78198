"""In place of a file: pipes, devices, sockets, links in a circle, folders; and files with odd names."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from pathlib import Path

from tests.hostile.construct.base import Construct, Made


def fits(file: Path, head: bytes) -> bool:
    """Any file."""
    return True


def _pipe(made: Made) -> None:
    made.file.unlink()
    os.mkfifo(made.file)


DEVICES = {"/dev/zero": (1, 5), "/dev/full": (1, 7), "/dev/random": (1, 8), "/dev/tty": (5, 0)}


def _device(made: Made) -> None:
    """A device of the case's own: whoever may make one may also replace that of the machine, through a link to it."""
    made.file.unlink()
    name = made.any_of(list(DEVICES))
    if os.geteuid() == 0:
        os.mknod(made.file, 0o666 | stat.S_IFCHR, os.makedev(*DEVICES[name]))
    else:
        made.file.symlink_to(name)


def _circle(made: Made) -> None:
    made.file.unlink()
    made.file.symlink_to(made.file.name)


def _nothing(made: Made) -> None:
    made.file.unlink()
    made.file.symlink_to("nothing")


def _folder(made: Made) -> None:
    made.file.unlink()
    made.file.mkdir()


def _circle_of_folders(made: Made) -> None:
    made.file.unlink()
    made.file.symlink_to(made.file.parent, target_is_directory=True)


def _socket(made: Made) -> None:
    made.file.unlink()
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(made.file.parent)  # addresses are short
        try:
            one.bind(made.file.name)
        finally:
            os.chdir(here)


def _empty(made: Made) -> None:
    made.write(b"")


def _one_byte(made: Made) -> None:
    made.write(made.data[:1])


def _half(made: Made) -> None:
    made.write(made.data[: len(made.data) // 2])


def _behind(made: Made) -> None:
    made.write(made.data + b"\0" * 4096)


def _before(made: Made) -> None:
    made.write(b"\xef\xbb\xbf" + made.data)


def _pointer(made: Made) -> None:
    made.write(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n")


def _closed(made: Made) -> None:
    made.file.chmod(0)


ODD = (
    b"a\nb", b"\xff\xfe", b"'quoted'", b"\xe2\x80\xae" + b"txt", b"a" * 200, b"$(id)", b"%s%n{0}", b"\x1b[31mred",
    b"-rf",     "e\u0301🙂".encode(), b"a\x7fb", b"layers, + and",
)  # fmt: skip


def _name(made: Made) -> None:
    name = made.any_of(ODD)
    place = Path(os.fsdecode(os.fsencode(made.opened.parent) + b"/" + name + os.fsencode(made.opened.suffix)))
    shutil.move(os.fsencode(made.opened), os.fsencode(place))
    made.opened = place


CONSTRUCTIONS: dict[str, Construct] = {
    "a pipe": _pipe,
    "a device": _device,
    "a link to itself": _circle,
    "a link to nothing": _nothing,
    "a folder": _folder,
    "a link to its folder": _circle_of_folders,
    "a socket": _socket,
    "empty": _empty,
    "one byte": _one_byte,
    "half of it": _half,
    "zeros behind it": _behind,
    "a mark before it": _before,
    "a pointer to a file": _pointer,
    "closed": _closed,
    "an odd name": _name,
}
