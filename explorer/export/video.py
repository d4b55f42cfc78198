"""MP4 with H.264, written as the frames come: any length in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from explorer import __version__
from explorer.export.compose import Frame, even
from explorer.export.encoded_file import as_os_error, opened_to_write
from explorer.export.provenance import KEY, Provenance, encode

ENCODER_THREADS = 2
"""Fixed, because x264 gives other bytes for another number of threads."""

REPEATABLE = "mbtree=0"
"""x264's macroblock tree reads memory that nobody has written where a side is no multiple of 16: the same frames then
give other bytes now and then. Doing without costs size: 13 % and 30 % on two films of a VAE."""

BT709 = 1  # the code point for matrix, primaries and transfer (ITU-T H.273)
LIMITED_RANGE = 1  # AVCOL_RANGE_MPEG
FULL_RANGE = 2
BIT_EXACT = 0x00800000  # AV_CODEC_FLAG_BITEXACT: no version strings, no time stamps


def write_mp4(
    path: Path, frames: Iterable[Frame], fps: int, crf: int, title: str, describe: Callable[[], Provenance]
) -> None:
    """Encode ``frames`` (all of one size) to ``path``; ``describe`` is called after the last one.

    ``crf`` 1..51 gives 4:2:0 H.264 (BT.709, limited range), which everything plays; an odd size gets one row or column
    of background. ``crf`` 0 gives H.264 in RGB, which decodes to the very frames and which fewer programs play. The
    same frames give the same bytes. Raises OSError when the file cannot be written.
    """
    encoded = path.with_name(f"{path.stem}.encoded.mp4")
    try:
        _encode(encoded, frames, fps, crf)
        # A container's tags are fixed when its header is written, before the digest is known: so the packets are
        # copied, unchanged, into the final file. It also puts the index first, so that a browser can start at once.
        tags = {
            "title": title,
            "comment": f"Made by Latent Explorer {__version__}; `latent-explorer replay FILE` renders it again.",
            KEY: encode(describe()),
        }
        _copy(encoded, path, tags)
    finally:
        encoded.unlink(missing_ok=True)


def read_mp4(path: Path) -> Iterator[Frame]:
    """The decoded frames of ``path``, one at a time. Raises OSError when it is damaged."""
    import av

    with as_os_error(), av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _encode(path: Path, frames: Iterable[Frame], fps: int, crf: int) -> None:
    import av
    from av.video.reformatter import Colorspace, Interpolation

    lossless = crf == 0
    with opened_to_write(path, "mp4", {"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264rgb" if lossless else "libx264", rate=fps)
        stream.pix_fmt = "rgb24" if lossless else "yuv420p"
        stream.options = {"preset": "medium", "threads": str(ENCODER_THREADS), "x264-params": REPEATABLE}
        stream.options |= {"qp": "0"} if lossless else {"crf": str(crf)}
        context: Any = stream.codec_context
        context.flags |= BIT_EXACT
        if not lossless:
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = LIMITED_RANGE
        started = False
        for frame in frames:
            picture = even(frame)
            if not started:
                stream.height, stream.width = picture.shape[:2]
                started = True
            video_frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if not lossless:
                video_frame = video_frame.reformat(
                    format="yuv420p",
                    dst_colorspace=Colorspace.ITU709,
                    src_color_range=FULL_RANGE,
                    dst_color_range=LIMITED_RANGE,
                    interpolation=Interpolation.BICUBIC,
                )
            container.mux(stream.encode(video_frame))
        container.mux(stream.encode(None))


def _copy(source: Path, target: Path, tags: dict[str, str]) -> None:
    import av

    options = {"movflags": "use_metadata_tags+faststart", "fflags": "+bitexact"}
    with as_os_error(), av.open(str(source)) as taken, opened_to_write(target, "mp4", options) as container:
        container.metadata.update(tags)
        stream = container.add_stream_from_template(taken.streams.video[0])
        for packet in taken.demux(video=0):
            if packet.dts is not None:  # the demuxer ends with an empty packet
                packet.stream = stream
                container.mux(packet)
