"""Pictures and films."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look
from explorer.scene.cards import FileUse

_STARTS = {
    b"\x89PNG\r\n\x1a\n": "PNG picture", b"\xff\xd8\xff": "JPEG picture", b"GIF87a": "GIF", b"GIF89a": "GIF",
    b"BM": "BMP picture", b"II*\0": "TIFF picture", b"MM\0*": "TIFF picture", b"\x1aE\xdf\xa3": "WebM or Matroska film",
}  # fmt: skip


class Pictures:
    """Told by their first bytes."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        name = next((name for start, name in _STARTS.items() if look.head.startswith(start)), "")
        if look.head[:4] == b"RIFF" and look.head[8:12] == b"WEBP":
            name = "WebP picture"
        if look.head[4:8] == b"ftyp":
            name = "MP4 film"
        if not name or (name == "BMP picture" and look.suffix != ".bmp"):
            return ""
        return (
            f"is a {name} and no model; what this program exported holds its scene and opens with File > Open scene, "
            "and a picture of your own opens beside a model, with File > Open picture or 'latent-explorer invert'."
        )

    def use(self, look: Look) -> FileUse | None:
        exported = look.path.suffix.lower() in (".png", ".gif", ".mp4")
        return FileUse(kind="scene", path=str(look.path)) if exported else None


KIND = Pictures()
