"""Archives that have to be unpacked first."""

from __future__ import annotations

from typing import ClassVar

from explorer.file_kinds.look import Look

_STARTS = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"7z\xbc\xaf'\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}  # fmt: skip


class Archives:
    """Told by their first bytes; archives that ``torch.save`` and NumPy write are none of them."""

    general: ClassVar[bool] = False

    def told(self, look: Look) -> str:
        name = next((name for start, name in _STARTS.items() if look.head.startswith(start)), "")
        if look.head[257:262] == b"ustar":
            name = "tar"
        is_numbers = any(entry.endswith(("data.pkl", "constants.pkl", ".npy")) for entry in look.entries)
        if look.is_archive and not is_numbers:
            name = "zip"
        return f"is a {name} archive; unpack it, and open what is inside." if name else ""


KIND = Archives()
