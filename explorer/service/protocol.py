"""How the window and the engine process speak: :mod:`explorer.service.requests` one way,
:mod:`explorer.service.replies` the other, each message packed as msgpack."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from explorer.errors import ExplorerError
from explorer.files import shown_name
from explorer.service.channel import LONGEST, GarbledError
from explorer.service.replies import Reply
from explorer.service.requests import Request

PROTOCOL_VERSION = 3

Message = TypeVar("Message")

_encode = msgspec.msgpack.Encoder().encode
_requests = msgspec.msgpack.Decoder(Request)
_replies = msgspec.msgpack.Decoder(Reply)


class UnsendableError(ExplorerError):
    """A message holds what cannot be sent; the connection goes on without it."""


def encode(message: Request | Reply) -> bytes:
    """The bytes of ``message``. Raises :class:`UnsendableError`."""
    try:
        data = _encode(message)
    except UnicodeEncodeError as error:  # such a string is mostly a file's name in another encoding
        raise UnsendableError(
            f"'{shown_name(error.object)}' cannot be used: the name is not UTF-8, so it is no text; rename the file or "
            "the folder."
        ) from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise UnsendableError(f"This cannot be asked for or told: {error}.") from error
    if len(data) > LONGEST:
        raise UnsendableError(
            f"This takes {len(data) >> 20} MiB, and the window and its engine pass on {LONGEST >> 20} MiB at once at "
            "most; choose something smaller."
        )
    return data


def decode_request(data: bytes) -> Request:
    """The request in ``data``. Raises :class:`GarbledError`."""
    return _decoded(_requests, data)


def decode_reply(data: bytes) -> Reply:
    """The reply in ``data``. Raises :class:`GarbledError`."""
    return _decoded(_replies, data)


def _decoded(decoder: msgspec.msgpack.Decoder[Message], data: bytes) -> Message:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise GarbledError(f"{len(data)} bytes are no message ({error}).") from error
