"""Writing files: whole or not at all, through symbolic links, under names as long as file systems take."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.errors import ExportError
from explorer.files import LONGEST_NAME, atomic_folder, atomic_path, atomic_write


def write_folder(path: Path, content: bytes) -> None:
    with atomic_folder(path, lambda old: True) as folder:
        (folder / "inside").write_bytes(content)


def content_of(path: Path) -> bytes:
    return (path / "inside" if path.is_dir() else path).read_bytes()


WRITERS = {"file": atomic_write, "folder": write_folder}


@pytest.fixture(params=WRITERS.values(), ids=WRITERS)
def write(request: pytest.FixtureRequest) -> Callable[[Path, bytes], None]:
    return request.param  # type: ignore[no-any-return]


def test_a_symbolic_link_stays_and_what_it_points_to_is_written(
    tmp_path: Path, write: Callable[[Path, bytes], None]
) -> None:
    (tmp_path / "disk").mkdir()
    link, target = tmp_path / "latest", tmp_path / "disk" / "run"
    link.symlink_to("disk/run")  # relative to the folder of the link, and not there yet
    for content in (b"first", b"second"):
        write(link, content)
        assert link.is_symlink()
        assert not target.is_symlink()
        assert content_of(target) == content
    assert [one.name for one in (tmp_path / "disk").iterdir()] == ["run"]
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_chain_of_links_leads_to_its_end(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    (tmp_path / "b").symlink_to(tmp_path / "c")
    (tmp_path / "a").symlink_to(tmp_path / "b")
    write(tmp_path / "a", b"x")
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "b").is_symlink()
    assert content_of(tmp_path / "c") == b"x"


def test_a_link_to_itself_is_refused_and_stays(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(ExportError, match="leads to itself"):
        write(tmp_path / "a", b"x")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b"]
    assert (tmp_path / "a").is_symlink()


def test_what_is_no_file_is_not_replaced_by_one(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    """A device, even behind a link, would be, where its user may write there."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(ExportError, match="it is no regular file"):
            write(tmp_path / name, b"x")
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "pipe"]


def test_the_temporary_name_has_the_suffix_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").symlink_to(tmp_path / "without-suffix")
    with atomic_path(tmp_path / "film.mp4") as temporary:
        assert temporary.suffix == ".mp4"
        assert temporary.parent == tmp_path


NAMES = st.builds(
    lambda letter, bytes_, suffix: letter * ((bytes_ - len(suffix)) // len(letter.encode())) + suffix,
    st.sampled_from(["a", "é", "水", "🎞"]),
    st.integers(240, LONGEST_NAME),
    st.sampled_from(["", ".png", ".scene.json", "." + "x" * 200]),
)


@given(name=NAMES, folder=st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_name_that_the_file_system_takes_can_be_written(
    tmp_path_factory: pytest.TempPathFactory, name: str, folder: bool
) -> None:
    path = tmp_path_factory.mktemp("names") / name
    WRITERS["folder" if folder else "file"](path, b"x")
    assert [one.name for one in path.parent.iterdir()] == [name]
    assert content_of(path) == b"x"


def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path: Path) -> None:
    for path in (tmp_path / ("a" * 252 + ".png"), tmp_path / ("b" * 256) / "a.png", tmp_path / ("水" * 86)):
        for open_ in (atomic_path, lambda one: atomic_folder(one, lambda old: True)):
            with pytest.raises(ExportError, match="shorter name"), open_(path):
                pytest.fail("the work was begun")
    assert list(tmp_path.iterdir()) == []


def test_a_link_into_another_folder_is_replaced_within_that_folder(tmp_path: Path) -> None:
    """The temporary file lies beside the target: a rename across file systems is no atomic one."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "file")
    with atomic_path(tmp_path / "link") as temporary:
        assert os.path.samefile(temporary.parent, tmp_path / "disk")


@pytest.mark.parametrize("name", ["a\0b.png", "a\0/b.png"])
def test_a_name_that_no_file_can_have_is_a_sentence(
    tmp_path: Path, write: Callable[[Path, bytes], None], name: str
) -> None:
    with pytest.raises(ExportError, match="NUL character"):
        write(tmp_path / name, b"x")
    assert list(tmp_path.iterdir()) == []
