"""Zip archives: members that grow, overlap, lie about themselves, or are too many; what torch and NumPy keep there."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from tests.hostile.construct import pickles
from tests.hostile.construct.base import Construct, Made
from tests.hostile.texts import TEXTS
from tests.hostile.workshop import once

CHUNK = 1 << 20


def fits(file: Path, head: bytes) -> bool:
    """Whether the file is an archive."""
    return head[:2] == b"PK"


@cache
def _deflated_zeros(megabytes: int) -> tuple[bytes, int]:
    """(raw deflate stream, sum) of so many MB of zeros, made in a moment: one MB, again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = packer.compress(bytes(CHUNK)) + packer.flush(zlib.Z_FULL_FLUSH)
    total = 0
    for _ in range(megabytes):
        total = zlib.crc32(_ZEROS, total)
    return one * megabytes + b"\x03\x00", total


_ZEROS = bytes(CHUNK)


class Member:
    """One entry of an archive that need not be true: ``data`` as it is stored, of ``size`` bytes when unpacked."""

    def __init__(
        self, name: bytes, data: bytes, size: int = -1, crc: int = -1, method: int = 0, flags: int = 0
    ) -> None:
        self.name, self.data, self.method, self.flags = name, data, method, flags
        self.size = len(data) if size < 0 else size
        self.crc = zlib.crc32(data) if crc < 0 else crc


def archive(members: list[Member], count: int = -1) -> bytes:
    """The archive of ``members``; one with the same bytes as one before it lies where that lies."""
    out, table, places = bytearray(), bytearray(), {}
    for one in members:
        fields = (20, one.flags, one.method, 0, 33, one.crc, len(one.data), min(one.size, 2**32 - 1), len(one.name))
        key = (id(one.data), one.name)
        if key not in places:
            places[key] = len(out)
            out += struct.pack("<IHHHHHIIIHH", 0x04034B50, *fields, 0) + one.name + one.data
        table += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, *fields, 0, 0, 0, 0, 0, places[key]) + one.name
    count = min(len(members), 65535) if count < 0 else count
    return bytes(out + table + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(table), len(out), 0))


def members_of(data: bytes) -> list[Member]:
    """Those of a sound archive, unpacked."""
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return [Member(one.filename.encode(), file.read(one)) for one in file.infolist()]


def _zeros(megabytes: int) -> Construct:
    """One member becomes zeros, deflated, of which the table tells."""

    def construct(made: Made) -> None:
        members = members_of(made.data)
        chosen = made.any_of([one for one in members if len(one.data) > 8] or members)
        stream, crc = _deflated_zeros(megabytes)
        chosen.data, chosen.size, chosen.crc, chosen.method = stream, megabytes * CHUNK, crc, 8
        made.write(archive(members))

    return construct


def _lying_zeros(made: Made) -> None:
    """The same, and the table says that it is small."""
    members = members_of(made.data)
    chosen = made.any_of(members)
    stream, crc = _deflated_zeros(1024)
    chosen.size, chosen.data, chosen.crc, chosen.method = made.any_of((16, len(chosen.data))), stream, crc, 8
    made.write(archive(members))


def _large_sizes(made: Made) -> None:
    members = members_of(made.data)
    made.any_of(members).size = made.any_of((2**32 - 1, 2**31, 10**9))
    made.write(archive(members))


def _overlapping(made: Made) -> None:
    """A thousand members of 64 MB, which are all the same bytes of the file."""
    members = members_of(made.data)
    stream, crc = _deflated_zeros(64)
    suffix = b".npy" if any(one.name.endswith(b".npy") for one in members) else b""
    shared = [Member(b"archive/data/%d" % n + suffix, stream, 64 * CHUNK, crc, 8) for n in range(1000)]
    made.write(archive([*members, *shared]))


def _many(made: Made) -> None:
    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / "a.zip", "w") as file:
            for number in range(150_000):
                file.writestr(zipfile.ZipInfo(f"a/{number}.npy"), b"")

    made.write((once("an archive of many", write) / "a.zip").read_bytes())


def _empty(made: Made) -> None:
    made.write(archive([]))


def _lost(made: Made) -> None:
    members = members_of(made.data)
    members.remove(made.any_of(members))
    made.write(archive(members))


def _twice(made: Made) -> None:
    members = members_of(made.data)
    made.write(archive([*members, *(Member(one.name, one.data + b"\0") for one in members)]))


def _names(made: Made) -> None:
    members = members_of(made.data)
    made.any_of(members).name = made.any_of(
        (b"../../../tmp/x", b"/etc/passwd", b"\xff\xfe", b"a\nb", b"a" * 60_000, b"\0", b"")
    )
    made.write(archive(members))


def _other_prefix(made: Made) -> None:
    members = members_of(made.data)
    for number, one in enumerate(members):
        one.name = f"{number}/".encode() + one.name
    made.write(archive(members))


def _flag(made: Made) -> None:
    members = members_of(made.data)
    chosen = made.any_of(members)
    chosen.flags, chosen.method = made.any_of(((1, 0), (0, 99), (0, 12), (0, 14), (0, 6), (0x2040, 0), (8, 0)))
    made.write(archive(members))


def _sum(made: Made) -> None:
    members = members_of(made.data)
    made.any_of(members).crc = 1
    made.write(archive(members))


def _comment(made: Made) -> None:
    made.write(made.data[:-2] + struct.pack("<H", 65535) + b"PK\x05\x06" * 16384)


def _count(made: Made) -> None:
    made.write(archive(members_of(made.data), made.any_of((0, 1, 40_000, 65_535))))


# --- NumPy ---------------------------------------------------------------------------------------------------------

HEADERS = (
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': " + "(" * 150 + ")" * 150 + ", }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "1," * 20_000 + "), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 9000 + ",), }",
    "{'descr': '<U1000000000', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (4611686018427387904,), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904), }",
    "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }",
    "__import__('os').system('true')",
    "{'descr': '<c16', 'fortran_order': True, 'shape': (2, 2), }",
    "{" * 9000,
    "\x00\xff",
)  # fmt: skip


def npy(header: str, numbers: bytes = bytes(64)) -> bytes:
    """An array file that says ``header``."""
    text = header.encode("latin1")
    return b"\x93NUMPY\x02\x00" + struct.pack("<I", len(text) + 1) + text + b"\n" + numbers


def _array_header(made: Made) -> None:
    members = members_of(made.data)
    arrays = [one for one in members if one.name.endswith(b".npy")]
    if arrays:
        chosen = made.any_of(arrays)
        chosen.data = npy(made.any_of(HEADERS))
        chosen.size, chosen.crc = len(chosen.data), zlib.crc32(chosen.data)
        made.write(archive(members))


def _array_of_zeros(made: Made) -> None:
    """1 GB of zeros in a MB, with the header of an array of them."""
    members = members_of(made.data)
    arrays = [one for one in members if one.name.endswith(b".npy")]
    if not arrays:
        return
    chosen = made.any_of(arrays)
    count = 1024 * CHUNK // 4
    shape = made.any_of((f"({count // 10}, 10)", f"({count},)", f"({count // 10}, 1, 10)"))
    head = npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }", b"")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    stream, _ = _deflated_zeros(1024)
    chosen.data, chosen.size, chosen.method = start + stream, len(head) + 1024 * CHUNK, 8
    crc = zlib.crc32(head)
    for _ in range(1024):
        crc = zlib.crc32(_ZEROS, crc)
    chosen.crc = crc
    made.write(archive(members))


# --- torch ---------------------------------------------------------------------------------------------------------


def _torch_of(made: Made) -> Any:
    import torch

    try:
        return torch.load(made.file, weights_only=True)
    except Exception:  # noqa: BLE001  # of arrays, or of names of others
        return None


def _holders(content: Any) -> list[tuple[Any, Any]]:
    """Where tensors are."""
    import torch

    found, stack = [], [content]
    while stack:
        holder = stack.pop()
        inside = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, value in inside:
            found += [(holder, key)] if isinstance(value, torch.Tensor) else []
            stack.append(value)
    return found


def _saved(made: Made, content: Any) -> None:
    import torch

    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(content, written, _use_new_zipfile_serialization=made.random.random() < 0.8)
    made.write(written.getvalue())


def _odd_tensor(name: str, tensor: Any) -> Any:
    """What takes the place of ``tensor``."""
    import torch

    flat = tensor.detach().float()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        match name:
            case "stride 0":
                return torch.zeros(1).expand(2**33)
            case "stride 0 of its rank":
                return torch.zeros([1] * max(1, flat.ndim)).expand(
                    [200_000, 20_000, *[1] * max(0, flat.ndim - 2)][: max(1, flat.ndim)]
                )
            case "sparse":
                return flat.to_sparse()
            case "sparse and large":
                return torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.long), torch.ones(1), (2**40,))
            case "compressed rows":
                return (flat if flat.ndim == 2 else torch.ones(3, 3)).to_sparse_csr()
            case "nested":
                return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
            case "quantised":
                return torch.quantize_per_tensor(flat, 0.1, 0, torch.qint8)
            case "float8":
                return flat.to(torch.float8_e4m3fn)
            case "complex":
                return flat.to(torch.complex64)
            case "conjugate":
                return torch.conj(flat.to(torch.complex64))
            case "meta":
                return torch.empty(flat.shape, device="meta")
            case "meta and large":
                return torch.empty(2**20, 2**20, device="meta")
            case "whole numbers":
                return flat.to(torch.int64)
            case "booleans":
                return flat.bool()
            case "half":
                return flat.to(torch.bfloat16)
            case "double":
                return flat.double() * 1e300
            case "none":
                return flat[:0] if flat.ndim else torch.empty(0)
            case "a number":
                return 3
            case "a text":
                return "x\n" * 1000
            case "NaN":
                return torch.full_like(flat, float("nan"))
            case "infinity":
                return torch.full_like(flat, float("inf"))
            case "zeros":
                return torch.zeros_like(flat)
            case "far too large":
                return torch.full_like(flat, 3e38)
            case "a scalar":
                return torch.tensor(1.0)
            case "one dimension more":
                return flat[None]
            case "its other way round":
                return flat.T if flat.ndim == 2 else flat.flatten()
            case "a parameter":
                return torch.nn.Parameter(flat)
            case "60 dimensions":
                return flat.flatten()[:1].reshape([1] * 60)
    raise ValueError(name)


TENSORS = (
    "stride 0", "stride 0 of its rank", "sparse", "sparse and large", "compressed rows", "nested", "quantised",
    "float8",
    "complex", "conjugate", "meta", "meta and large", "whole numbers", "booleans", "half", "double", "none", "a number",
    "a text", "NaN", "infinity", "zeros", "far too large", "a scalar", "one dimension more", "its other way round",
    "a parameter", "60 dimensions",
)  # fmt: skip


def _tensor(name: str) -> Construct:
    def construct(made: Made) -> None:
        content = _torch_of(made)
        if not isinstance(content, dict | list):
            return _saved(made, content if content is None else _odd_tensor(name, content))
        holders = _holders(content)
        if not holders:
            return None
        for holder, key in holders if made.random.random() < 0.3 else [made.any_of(holders)]:
            holder[key] = _odd_tensor(name, holder[key])
        return _saved(made, content)

    return construct


def _key(made: Made) -> None:
    content = _torch_of(made)
    if not isinstance(content, dict):
        return
    holder, key = made.any_of(_holders(content))
    if isinstance(holder, dict):
        texts = [one.encode("utf-8", "replace").decode() for one in TEXTS]
        name = made.any_of(
            (*texts, 7, None, (1, 2), b"a", 1.5, str(key).replace("0", "1000000000"), "0" * 4000 + str(key))
        )
        holder[name] = holder.pop(key)
        _saved(made, content)


def _many_keys(made: Made) -> None:
    content = _torch_of(made)
    if isinstance(content, dict):
        holder, key = made.any_of(_holders(content))
        if isinstance(holder, dict):
            count, shape = made.any_of((2000, 30_000)), str(key)
            holder.update(
                {shape.replace("0", str(n)) if "0" in shape else f"{shape}.{n}": holder[key] for n in range(count)}
            )
            _saved(made, content)


def _pickled(body: bytes) -> Construct:
    """The pickle in the archive becomes another."""

    def construct(made: Made) -> None:
        members = members_of(made.data)
        for one in members:
            if one.name.endswith(b".pkl"):
                one.data = (
                    pickles.PROTOCOL
                    + (pickles.dictionary("a.weight", body) if made.random.random() < 0.5 else body)
                    + b"."
                )
                one.size, one.crc = len(one.data), zlib.crc32(one.data)
        made.write(archive(members))

    return construct


def _storage(made: Made) -> None:
    """Storages are declared far larger than they are, or far smaller."""
    members = members_of(made.data)
    for one in members:
        if one.name.endswith(b".pkl"):
            place = one.data.find(b"K", len(one.data) // 3)
            large = made.any_of(
                (
                    b"J\xff\xff\xff\x7f",
                    b"\x8a\x06\x00\x00\x00\x00\x00\x10",
                    b"\x8a\x09" + b"\xff" * 8 + b"\x00",
                    b"J\xff\xff\xff\xff",
                )
            )
            one.data = one.data[:place] + large + one.data[place + 2 :]
            one.size, one.crc = len(one.data), zlib.crc32(one.data)
    made.write(archive(members))


def _large_storage(made: Made) -> None:
    """One tensor of 2**28 numbers, whose storage is deflated zeros; the rest as it was."""
    import torch

    content = _torch_of(made)
    stream, crc = _deflated_zeros(1024)
    if isinstance(content, dict) and _holders(content):
        holder, key = made.any_of(_holders(content))
        holder[key] = torch.zeros(977)
    else:
        content = torch.zeros(977)
    written = io.BytesIO()
    torch.save(content, written)
    members = members_of(written.getvalue())
    for one in members:
        if len(one.data) == 977 * 4:
            one.data, one.size, one.crc, one.method = stream, 1024 * CHUNK, crc, 8
        elif one.name.endswith(b".pkl"):  # 977 as BININT2, wherever it stands: of the storage and of the shape
            one.data = one.data.replace(b"M\xd1\x03", b"J\x00\x00\x00\x10")
            one.size, one.crc = len(one.data), zlib.crc32(one.data)
    made.write(archive(members))


CONSTRUCTIONS: dict[str, Construct] = {
    "a member of 300 MB of zeros": _zeros(300),
    "a member of 3 GB of zeros": _zeros(3000),
    "zeros and a table that lies": _lying_zeros,
    "sizes that lie": _large_sizes,
    "members over each other": _overlapping,
    "150,000 members": _many,
    "no members": _empty,
    "a member less": _lost,
    "every member twice": _twice,
    **{f"a member's name, {turn}": _names for turn in range(2)},
    "other folders": _other_prefix,
    **{f"a flag, {turn}": _flag for turn in range(3)},
    "a sum": _sum,
    "a comment of ends": _comment,
    "a count": _count,
    **{f"an array's header, {turn}": _array_header for turn in range(6)},
    "an array of zeros": _array_of_zeros,
    **{f"a tensor: {name}": _tensor(name) for name in TENSORS},
    **{f"a key, {turn}": _key for turn in range(4)},
    "many keys": _many_keys,
    **{f"its pickle: {name}": _pickled(body) for name, body in pickles.BODIES.items()},
    **{f"a storage, {turn}": _storage for turn in range(2)},
    "a storage of zeros": _large_storage,
}
