"""What the export dialog and the command line ask for. Torch-free, so that the window can build it."""

from __future__ import annotations

from typing import Literal

import msgspec

ExportKind = Literal["mp4", "gif", "png", "png_sequence", "sheet_png", "sheet_pdf"]


RangeMode = Literal[
    "amounts", "std_gaussian", "fitted_gaussian", "fixed_interval", "conf_interval", "minmax", "codebook"
]
"""Which points a row of a contact sheet shows; :mod:`explorer.export.ranges`."""

Scaling = Literal["pixels", "smooth"]
"""How a picture is enlarged: ``smooth`` as the window does (bilinear); ``pixels``: each becomes a square where the
enlargement is by a whole number."""

TALLEST = 8192  # pixels of a pane
MOST_PIXELS = 330_000_000  # of a frame or a sheet: four panes as tall as may be, in a gigabyte of memory
MOST_COLUMNS = 41  # of a contact sheet that a range fills


class SheetOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A contact sheet: one row a seed or a control, one column an amount.

    ``range`` other than ``amounts``: ``columns`` points that the mode chooses for each row, whatever the picture is now
    (``codebook``: one for each value). ``base``: before them a column with the picture as it stands.
    """

    rows: Literal["controls", "seeds"] = "controls"
    controls: tuple[str, ...] = ()  # names; empty: all that the pane's set lists
    seeds: tuple[int, ...] = ()
    amounts: tuple[float, ...] = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    range: RangeMode = "amounts"
    columns: int = 7
    base: bool = False


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to write. ``height`` is the pane height in pixels of the result (0: the model's own); all panes unless
    ``pane`` ≥ 0. ``scaling``: files that do not say it were written before there was a choice, and repeat pixels."""

    kind: ExportKind = "mp4"
    height: int = 0
    scaling: Scaling = "pixels"
    pane: int = -1
    labels: bool = True
    crf: int = 18  # x264 quality, 0 (lossless) .. 51
    sheet: SheetOptions = SheetOptions()


encode_options = msgspec.msgpack.Encoder().encode
decode_options = msgspec.msgpack.Decoder(ExportOptions).decode
