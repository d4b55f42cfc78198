"""How the window and the engine process speak: :mod:`explorer.service.requests` one way,
:mod:`explorer.service.replies` the other, each message packed as msgpack."""

from __future__ import annotations

import msgspec

from explorer.service.replies import Reply
from explorer.service.requests import Request

PROTOCOL_VERSION = 2

encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
