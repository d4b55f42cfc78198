"""The text of ours in an MP4 file is what libav reads of it, and whatever is wrong with a file is one sentence."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from explorer.errors import SceneError
from explorer.export.embed import carries_scene
from explorer.export.mp4_file import MOST_BOXES, text_in
from explorer.export.options import ExportOptions
from explorer.export.provenance import KEY, FrameDigests, Provenance, encode
from explorer.export.video import write_mp4


@pytest.fixture
def film(tmp_path: Path) -> Path:
    digests = FrameDigests(count=2, height=16, width=16, sha256="", block=1, blocks=())
    provenance = Provenance(
        generators=(), scene={"prompt": "ünïcode \U0001f600"}, torch="2", device="cpu", threads=1, batch=1,
        options=ExportOptions(), frames=digests,
    )  # fmt: skip
    frames = (np.full((16, 16, 3), level, np.uint8) for level in (0, 200))
    write_mp4(tmp_path / "film.mp4", frames, 24, 18, "title", lambda: provenance)
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert container.metadata[KEY] == encode(provenance)
    return tmp_path / "film.mp4"


def test_it_is_what_libav_reads(film: Path) -> None:
    with av.open(str(film)) as container:
        assert text_in(film) == container.metadata[KEY].encode()


@pytest.mark.parametrize("tags", [True, False])
def test_films_that_were_copied_keep_it_or_have_none(film: Path, tmp_path: Path, tags: bool) -> None:
    """With the index at the end, as libav leaves it, and as films of other programs are."""
    copy = tmp_path / "copy.mp4"
    options = {"movflags": "use_metadata_tags"} if tags else {}
    with av.open(str(film)) as taken, av.open(str(copy), "w", options=options) as container:
        container.metadata.update(taken.metadata)
        stream = container.add_stream_from_template(taken.streams.video[0])
        for packet in taken.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    assert text_in(copy) == (text_in(film) if tags else None)


def test_a_long_box_and_one_without_an_end_are_read(film: Path, tmp_path: Path) -> None:
    data = film.read_bytes()
    head, index = data[:32], data[32 : 32 + struct.unpack(">I", data[32:36])[0]]
    assert (head[4:8], index[4:8]) == (b"ftyp", b"moov")
    endless = tmp_path / "endless.mp4"
    endless.write_bytes(head + bytes(4) + index[4:])
    long = tmp_path / "long.mp4"
    long.write_bytes(head + struct.pack(">I4sQ", 1, b"free", 20) + bytes(4) + index)
    assert text_in(endless) == text_in(long) == text_in(film)


def test_damaged_films_are_refused_in_one_sentence(film: Path, tmp_path: Path) -> None:
    data, source = film.read_bytes(), random.Random(0)
    path = tmp_path / "damaged.mp4"
    refused = 0
    for _ in range(300):
        damaged = bytearray(data[: source.choice((len(data), source.randrange(12, len(data))))])
        for _ in range(source.choice((1, 8))):
            damaged[source.randrange(12, min(len(damaged), 1600))] = source.randrange(256)
        path.write_bytes(damaged)
        try:
            carries_scene(path)
        except SceneError as error:
            refused += "truncated or damaged" in str(error)
    assert refused > 20


def test_a_film_of_empty_boxes_is_left(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(film.read_bytes()[:32] + struct.pack(">I4s", 8, b"free") * (MOST_BOXES + 1))
    with pytest.raises(ValueError, match="more boxes"):
        text_in(path)
