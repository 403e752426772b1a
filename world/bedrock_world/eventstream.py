"""The `vnd.amazon.eventstream` framing of streamed answers."""

import json
import struct
from binascii import crc32
from collections.abc import Iterable, Mapping
from typing import Any

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING_HEADER = 7
# total length, headers length and prelude checksum, four bytes each; then the message checksum
_PRELUDE_BYTES, _FRAME_BYTES = 8, 16


def event(name: str, payload: Mapping[str, Any]) -> bytes:
    """One event message with a JSON payload."""
    return _message(
        {":event-type": name, ":content-type": "application/json", ":message-type": "event"},
        json.dumps(payload).encode(),
    )


def exception(name: str, message: str) -> bytes:
    """The message that ends a stream with a modelled exception."""
    return _message(
        {
            ":exception-type": name,
            ":content-type": "application/json",
            ":message-type": "exception",
        },
        json.dumps({"message": message}).encode(),
    )


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    packed = b"".join(_header(name, value) for name, value in headers.items())
    total = _FRAME_BYTES + len(packed) + len(payload)
    prelude = struct.pack("!II", total, len(packed))
    body = prelude + struct.pack("!I", crc32(prelude)) + packed + payload
    return body + struct.pack("!I", crc32(body))


def _header(name: str, value: str) -> bytes:
    encoded_name, encoded_value = name.encode(), value.encode()
    return (
        struct.pack("!B", len(encoded_name))
        + encoded_name
        + struct.pack("!BH", _STRING_HEADER, len(encoded_value))
        + encoded_value
    )


def stream(messages: Iterable[bytes]) -> bytes:
    """The whole body of a streamed answer."""
    return b"".join(messages)
