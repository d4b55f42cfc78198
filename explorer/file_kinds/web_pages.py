"""Web pages: what a download often leaves in place of the file."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look


class WebPages:
    """Told by their first tag."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        start = look.head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if not start.startswith((b"<!doctype html", b"<html")):
            return ""
        return (
            "is a web page and not the file behind it: the download stopped at a page that asks for a confirmation or "
            "a login; download it again from its 'raw' or 'download' link."
        )


KIND = WebPages()
