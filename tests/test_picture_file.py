"""Pictures of one's own: whatever they are, they come out upright, of the size asked for, and uncut in the middle."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from watched import watched

from explorer.picture_file import MOST_BYTES, UnusablePicture, as_png, fitted, open_picture, pixels_of, without_colours

SIZES = st.integers(1, 40)


def ramp(width: int, height: int) -> Image.Image:
    """Red tells the column, green the row."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.zeros_like(x)], -1).round().astype(np.uint8))


def in_bytes(image: Image.Image, form: str = "PNG", **more: object) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **more)
    return written.getvalue()


@settings(max_examples=60, deadline=None)
@given(SIZES, SIZES, SIZES, SIZES)
def test_any_size_becomes_any_other_around_its_middle(width: int, height: int, across: int, down: int) -> None:
    fit = fitted(ramp(width, height), across, down)
    assert fit.pixels.shape == (down, across, 3)
    # What is left is symmetric about the middle of the ramp, up to the pixel that an odd crop is off by.
    for axis, size, colour in ((1, width, 0), (0, height, 1)):
        if size > 1:
            ends = np.take(fit.pixels[..., colour].astype(float), [0, -1], axis).mean()
            assert abs(ends - 127.5) <= 0.5 + 255 / (size - 1), (axis, ends)
    if (width, height) == (across, down):
        assert not fit.cropped + fit.resized


def test_what_was_done_is_said() -> None:
    assert fitted(ramp(64, 64), 64, 64)[1:] == ("", "")
    assert fitted(ramp(64, 48), 24, 24)[1:] == ("cropped to the middle square", "reduced to 24×24")
    assert fitted(ramp(64, 48), 32, 16)[1:] == ("cropped to the middle 64×32", "reduced to 32×16")
    assert fitted(ramp(8, 8), 16, 16)[1:] == ("", "enlarged to 16×16")


def test_a_whole_number_of_times_is_an_average() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    mean = pixels.reshape(4, 2, 4, 2, 3).mean((1, 3))
    assert np.abs(fitted(Image.fromarray(pixels), 4, 4).pixels - mean).max() <= 1.0  # rounded once along either axis


def test_bytes_and_files_are_read_alike(tmp_path: Path) -> None:
    data = in_bytes(ramp(9, 7))
    (tmp_path / "a.png").write_bytes(data)
    one, other = open_picture(data), open_picture(tmp_path / "a.png")
    assert np.array_equal(one.image, other.image)
    assert one[1:] == other[1:] == (False, (), False)


def test_turned_transparent_grey_and_broken_ones() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = open_picture(in_bytes(ramp(9, 7).rotate(90, expand=True), exif=exif))
    assert turned.turned
    assert np.array_equal(turned.image, ramp(9, 7))
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert np.asarray(open_picture(in_bytes(half)).image)[0, 0].tolist() == [127] * 3
    assert open_picture(in_bytes(half)).changes == ("transparency over white",)
    grey = open_picture(in_bytes(Image.new("LA", (4, 4), (100, 255))))
    assert grey.grey
    assert np.asarray(grey.image)[0, 0].tolist() == [100] * 3
    for broken in (b"", b"\x89PNG\r\n\x1a\n", in_bytes(ramp(30, 30))[:60]):
        with pytest.raises(UnusablePicture, match="cannot be read"):
            open_picture(broken)


def test_luma_is_that_of_bt_601() -> None:
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert without_colours(primaries)[0, :, 0].tolist() == [76, 150, 29, 255]


def test_what_a_scene_holds_is_bounded_and_comes_back() -> None:
    pixels = np.asarray(ramp(16, 12))
    assert np.array_equal(pixels_of(as_png(pixels, 256), (12, 16)), pixels)
    large = as_png(np.asarray(ramp(1024, 512)), 256)
    assert Image.open(io.BytesIO(large)).size == (256, 128)
    assert np.abs(pixels_of(large, (512, 1024)).astype(int) - np.asarray(ramp(1024, 512))).max() <= 4
    assert np.array_equal(pixels_of(as_png(pixels[..., :1]), (12, 16)), np.repeat(pixels[..., :1], 3, 2))


def test_what_is_larger_than_allowed_is_not_read() -> None:
    with pytest.raises(UnusablePicture, match="has 300×8 pixels, more than 256 along a side"):
        open_picture(in_bytes(ramp(300, 8)), 256)
    with pytest.raises(UnusablePicture):
        pixels_of(in_bytes(ramp(300, 8)), (8, 300), 256)
    assert open_picture(in_bytes(ramp(256, 8)), 256).image.size == (256, 8)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "MPO", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_kind_of_file_can_be_cropped_when_it_is_closed(tmp_path: Path, form: str, mode: str) -> None:
    (tmp_path / "a").write_bytes(in_bytes(ramp(9, 7).convert(mode), form))
    opened = open_picture(tmp_path / "a")
    assert fitted(opened.image, 4, 4).pixels.shape == (4, 4, 3)


def test_a_picture_that_would_start_a_program_is_none() -> None:
    """Pillow gives EPS to Ghostscript."""
    with watched() as events, pytest.raises(UnusablePicture, match="cannot be read"):
        open_picture(in_bytes(ramp(9, 7), "EPS"))
    assert not [event for event in events if event.startswith(("subprocess", "os.exec", "os.posix_spawn"))]


@pytest.mark.parametrize(("size", "mode"), [((40_000, 2_000), "L"), ((8_000, 8_000), "RGB"), ((7_000, 6_000), "RGBA")])
def test_small_files_of_very_many_pixels_are_refused_before_they_are_unpacked(size: tuple[int, int], mode: str) -> None:
    width, height = size
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    packed = zlib.compressobj(1)
    row = b"\0" + bytes(width * channels)
    body = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    kind = {"L": 0, "RGB": 2, "RGBA": 6}[mode]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)), (b"IDAT", body), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    if width * height * {"L": 9, "RGB": 8, "RGBA": 13}[mode] > MOST_BYTES + len(data):
        with pytest.raises(UnusablePicture, match="which take too much memory"):
            open_picture(data)
    else:
        assert open_picture(data).image.size == size


def test_16_bits_are_scaled_alike_in_all_rows() -> None:
    values = np.linspace(0, 65535, 300 * 7).reshape(300, 7).astype(np.uint16)
    found = np.asarray(open_picture(in_bytes(Image.fromarray(values))).image)[..., 0]
    assert np.abs(found - values / 257).max() <= 0.51


def test_a_pipe_and_a_device_are_no_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", Path("/dev/zero"), tmp_path):
        with pytest.raises(UnusablePicture, match="cannot be read"):
            open_picture(path)
