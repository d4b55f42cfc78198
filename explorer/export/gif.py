"""GIF with one palette for the whole film, so that still parts do not flicker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explorer.errors import ExportError
from explorer.export.compose import Frame
from explorer.export.embed import with_gif_comment
from explorer.export.encoded_file import opened_to_write
from explorer.export.provenance import Provenance, encode

FASTEST = 50
"""Frames per second: GIF counts in hundredths of a second, and viewers slow down anything faster than two of them."""

PALETTE_FRAMES = 16
"""The palette is chosen from this many frames, spread over the film."""


def write_gif(
    path: Path, frames: Iterable[Frame], sample: Iterable[Frame], fps: int, describe: Callable[[], Provenance]
) -> None:
    """Encode ``frames`` to ``path``, endlessly repeating, with 256 colours chosen from the frames of ``sample``.

    The provenance, whose digest is known only after the last frame, goes into a comment at the end of the file.
    Raises :class:`ExportError` for more than 50 frames per second, OSError when the file cannot be written.
    """
    if fps > FASTEST:
        raise ExportError(f"A GIF shows at most {FASTEST} frames per second and this scene has {fps}; export an MP4.")
    palette = _palette(sample)
    _encode(path, frames, palette, fps)
    path.write_bytes(with_gif_comment(path.read_bytes(), encode(describe())))


def _palette(sample: Iterable[Frame]) -> Image.Image:
    stacked = np.concatenate([frame.reshape(1, -1, 3) for frame in sample], axis=1)
    colours = np.unique(stacked.reshape(-1, 3), axis=0)
    if len(colours) <= 256:  # nothing has to be approximated
        palette = Image.new("P", (1, 1))
        palette.putpalette(colours.tobytes())
        return palette
    return Image.fromarray(stacked).quantize(256, method=Image.Quantize.MEDIANCUT)


def _encode(path: Path, frames: Iterable[Frame], palette: Image.Image, fps: int) -> None:
    import av

    colours = np.zeros((256, 4), np.uint8)  # alpha, red, green, blue
    listed = np.asarray(palette.getpalette(), np.uint8).reshape(-1, 3)
    colours[:, 0] = 255
    colours[: len(listed), 1:] = listed
    hundredths = Fraction(1, 100)
    options = {"loop": "0", "fflags": "+bitexact", "final_delay": str(round(100 / fps))}
    with opened_to_write(path, "gif", options) as container:
        stream = container.add_stream("gif", rate=100)
        stream.pix_fmt = "pal8"
        stream.codec_context.time_base = hundredths
        for number, frame in enumerate(frames):
            if number == 0:
                stream.height, stream.width = frame.shape[:2]
            picture = Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
            indices: Any = (np.ascontiguousarray(picture), colours)  # libav's stubs do not know of palettes
            video_frame = av.VideoFrame.from_ndarray(indices, format="pal8")
            # Each frame starts at the hundredth nearest to its time, so that rounding does not add up.
            video_frame.pts, video_frame.time_base = round(100 * number / fps), hundredths
            container.mux(stream.encode(video_frame))
        container.mux(stream.encode(None))
