"""What exports carry: the document in PNG, GIF, PDF, SVG, MP4 and folders, with values become hostile; containers that
lie."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import struct
from pathlib import Path
from typing import Any

from tests.hostile.construct.base import Construct, Made, Unfit
from tests.hostile.construct.json_files import changed, text_of
from tests.hostile.construct.pictures import chunk
from tests.hostile.texts import TEXTS

KEY = b"latent_explorer"
TURNS = 16


def fits(file: Path, head: bytes) -> bool:
    """Whether the file carries a document of the program's."""
    if file.suffix not in (".png", ".gif", ".pdf", ".svg", ".mp4", ".json"):
        return False
    data = file.read_bytes()
    return b"latent-explorer-scene" in data or b"latent-explorer-export" in data


def carried(data: bytes) -> dict[str, Any]:
    """The document in a file that carries one."""
    if data[:1] == b"{":
        return json.loads(data)
    if data[:5] == b"<?xml":
        data = html.unescape(data.decode("latin1")).encode("latin1")
    if data[:3] == b"GIF":
        data = _unblocked(data)
    place = data.find(b'{"format":"latent-explorer-')
    if place < 0:
        raise Unfit
    return json.JSONDecoder().raw_decode(data[place:].decode("latin1"))[0]


def _unblocked(data: bytes) -> bytes:
    place, parts = data.find(b"\x21\xfe") + 2, []
    while place < len(data) and data[place]:
        parts.append(data[place + 1 : place + 1 + data[place]])
        place += 1 + data[place]
    return b"".join(parts)


def put(made: Made, text: bytes) -> None:
    """Write a file of the same kind that carries ``text``."""
    data = made.data
    if data[:4] == b"\x89PNG":
        from PIL import Image

        with Image.open(io.BytesIO(data)) as image:
            written = io.BytesIO()
            image.copy().save(written, "PNG")
        clean = written.getvalue()
        made.write(clean[:33] + chunk(b"iTXt", KEY + b"\0\0\0\0\0" + text) + clean[33:])
    elif data[:3] == b"GIF":
        start = data.find(b"\x21\xfe")
        body = KEY + b"=" + text
        blocks = b"".join(bytes([len(body[n : n + 255])]) + body[n : n + 255] for n in range(0, len(body), 255))
        made.write(data[:start] + b"\x21\xfe" + blocks + b"\x00;")
    elif data[:4] == b"%PDF":
        head = b"/Type /EmbeddedFile /Length %d >>\nstream\n" % len(text)
        made.write(b"%PDF-1.7\n1 0 obj\n<< " + head + text + b"\nendstream\nendobj\n")
    elif data[:5] == b"<?xml":
        told = html.escape(text.decode("latin1"), quote=False).encode("latin1")
        start, end = data.find(b'<metadata id="latent_explorer">'), data.find(b"</metadata>")
        made.write(data[:start] + b'<metadata id="latent_explorer">' + told + data[end:])
    elif data[4:8] == b"ftyp":
        _put_into_film(made, text)
    else:
        made.write(text)


def _put_into_film(made: Made, text: bytes) -> None:
    import av

    written = io.BytesIO()
    with (
        av.open(io.BytesIO(made.data)) as taken,
        av.open(written, "w", "mp4", options={"movflags": "use_metadata_tags"}) as new,
    ):
        source = taken.streams.video[0]
        stream = new.add_stream_from_template(source)
        new.metadata["latent_explorer"] = text.decode("utf-8", "replace").replace("\0", "")
        for packet in taken.demux(source):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    made.write(written.getvalue())


def _value(made: Made) -> None:
    put(made, text_of(changed(carried(made.data), made)))


def _whole(text: bytes) -> Construct:
    return lambda made: put(made, text)


def _references(made: Made) -> None:
    """Files that it carries lie about their names, digests and sizes."""
    content = b"x" * 64
    odd = (
        "../../x",
        "/etc/passwd",
        "a\\..\\b",
        "C:\\x",
        "a\0b",
        "a\nb",
        "a" * 5000,
        "",
        ".",
        "a/" * 2000 + "b",
        *TEXTS[:4],
    )
    file = {
        "name": made.any_of(odd), "sha256": made.any_of((hashlib.sha256(content).hexdigest(), "", "0" * 64)),
        "size": made.any_of((64, -1, 2**62)), "data": base64.b64encode(content).decode(),
    }  # fmt: skip
    document = carried(made.data)
    scene = document.get("scene", document)
    path = scene["panes"][0]["controls"].get("path") or "/nowhere/set.safetensors"
    scene["panes"][0]["controls"]["path"] = path
    entry = made.any_of((file["name"], "", "a", "../a", "/a"))
    document["references"] = [
        {"noun": "control set", "text": path, "entry": entry, "files": [file] * made.any_of((1, 1, 5000))}
    ]
    put(made, text_of(document))


def _times(made: Made) -> None:
    """A timeline of far too many keyframes or frames."""
    document = carried(made.data)
    timeline = document.get("scene", document).get("timeline")
    if timeline:
        timeline |= made.any_of(({"duration": 1e9}, {"fps": 10**6}, {"duration": 1e300}, {"duration": 0.0}, {"fps": 0}))
        put(made, text_of(document))


def _panes(made: Made) -> None:
    document = carried(made.data)
    scene = document.get("scene", document)
    scene["panes"] = scene["panes"] * made.any_of((40, 2000))
    put(made, text_of(document))


def _pdf(body: bytes) -> Construct:
    def construct(made: Made) -> None:
        if made.data[:4] == b"%PDF":
            made.write(b"%PDF-1.7\n" + body)

    return construct


def _svg(body: bytes) -> Construct:
    def construct(made: Made) -> None:
        if made.data[:5] == b"<?xml":
            made.write(b'<?xml version="1.0"?>\n' + body)

    return construct


def _mp4(body: bytes) -> Construct:
    def construct(made: Made) -> None:
        if made.data[4:8] == b"ftyp":
            made.write(made.data[:32] + body + made.data[32:])

    return construct


def _atoms(made: Made) -> None:
    """The lengths of some atoms become others."""
    data = bytearray(made.data)
    if data[4:8] == b"ftyp":
        for name in (b"moov", b"udta", b"meta", b"ilst", b"keys", b"stsz", b"stco", b"stsc", b"trak", b"mdat"):
            if (place := data.find(name)) > 4 and made.random.random() < 0.4:
                data[place - 4 : place] = struct.pack(">I", made.any_of((0, 1, 7, 8, 2**31, 2**32 - 1)))
        made.write(bytes(data))


def _counts(made: Made) -> None:
    """Tables of samples that say how many there are."""
    data = bytearray(made.data)
    if data[4:8] == b"ftyp":
        for name in (b"stsz", b"stco", b"stsc", b"stts", b"ctts", b"elst"):
            if (place := data.find(name)) > 0 and made.random.random() < 0.6:
                data[place + 8 : place + 12] = struct.pack(">I", made.any_of((2**20, 2**28, 2**32 - 1)))
        made.write(bytes(data))


ENTITIES = (
    b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(12)
    ) + b']><svg xmlns="http://www.w3.org/2000/svg"><metadata id="latent_explorer">&m;</metadata>\n</svg>'
)  # fmt: skip
OUTSIDE = (
    b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    b'<svg><metadata id="latent_explorer">&a;</metadata>\n</svg>'
)
NAMED = b"/EF <</F 7 0 R>>\n/Type/Filespec\n7 0 obj\nstream\n"

CONSTRUCTIONS: dict[str, Construct] = {
    **{f"a value that it carries, {turn}": _value for turn in range(TURNS)},
    "it carries brackets": _whole(b'{"format":"latent-explorer-export","scene":' + b"[" * 200_000),
    "it carries braces": _whole(b'{"format":"latent-explorer-scene","panes":' + b'{"a":' * 200_000),
    "it carries a long number": _whole(b'{"format":"latent-explorer-scene","version":' + b"9" * 100_000 + b"}"),
    "it carries half a letter": _whole(b'{"format":"latent-explorer-scene","version":"\\ud800"}'),
    "it carries no JSON": _whole(b'{"format":"latent-explorer-scene"'),
    "it carries bytes": _whole(b'{"format":"latent-explorer-export","x":"\xff\xfe"}'),
    **{f"references, {turn}": _references for turn in range(6)},
    **{f"times, {turn}": _times for turn in range(3)},
    **{f"panes, {turn}": _panes for turn in range(2)},
    "a PDF without an end": _pdf(b"/Type /EmbeddedFile /Length " + b"9" * 6000 + b" >>\nstream\n"),
    "a PDF that says too much": _pdf(b"/Type /EmbeddedFile /Length 99999999999 >>\nstream\n{}"),
    "a PDF of beginnings": _pdf(b"/Type /EmbeddedFile /Length " * 100_000),
    "a PDF of names": _pdf(b"/EF <</F " + b"1" * 5000 + b" 0 R>>\n/Type/Filespec"),
    "a PDF of a GB": lambda made: _pdf(NAMED.replace(b"\n7 0", b"\n7 0") + _gigabyte())(made),
    "a PDF of nothing": _pdf(NAMED),
    "entities": _svg(ENTITIES),
    "an entity outside": _svg(OUTSIDE),
    "signs without end": _svg(b'<svg><metadata id="latent_explorer">' + b"&#" * 500_000 + b"</metadata>\n</svg>"),
    "large signs": _svg(b'<svg><metadata id="latent_explorer">&#' + b"9" * 9000 + b";</metadata>\n</svg>"),
    "beginnings of metadata": _svg(b'<metadata id="latent_explorer">' * 50_000),
    **{f"atoms, {turn}": _atoms for turn in range(4)},
    **{f"counts, {turn}": _counts for turn in range(3)},
    "atoms within atoms": _mp4(b"".join(struct.pack(">I", 8 * (20_000 - n)) + b"moov" for n in range(20_000))),
}


def _gigabyte() -> bytes:
    from tests.hostile.construct.pictures import _zeros

    return _zeros(300)
