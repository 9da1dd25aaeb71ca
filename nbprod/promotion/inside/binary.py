"""The binary tensor extension of the Open Inference Protocol: the values of tensors stand as bytes behind the JSON.

Numbers are little-endian, each text has its length in four bytes before it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

EXTENSION = "binary_tensor_data"
LENGTH = b"inference-header-content-length"
"""The header that says how long the JSON is."""
CODES = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}


def split(body: bytes, length: bytes | None) -> tuple[bytes, bytes]:
    """Return the JSON of a request and the bytes behind it. Raises `ValueError`."""
    if length is None:
        return body, b""
    if not length.isdigit() or int(length) > len(body):
        raise ValueError("Inference-Header-Content-Length must be the length of the JSON in bytes")
    return body[: int(length)], body[int(length) :]


def unpack(kind: str, raw: bytes, count: int) -> list[Any]:
    """Return the values of a tensor, texts as bytes. Raises `ValueError` if there are not so many.

    >>> unpack("INT16", bytes([1, 0, 2, 0]), 2), unpack("BYTES", bytes([1, 0, 0, 0]) + b"a", 1)
    ([1, 2], [b'a'])
    """
    if kind == "BYTES":
        values = list(_texts(raw))
    elif len(raw) % struct.calcsize(f"<{CODES[kind]}"):
        raise ValueError(f"{len(raw)} bytes are no whole number of {kind}")
    else:
        values = [value for (value,) in struct.iter_unpack(f"<{CODES[kind]}", raw)]
    if len(values) != count:
        raise ValueError(f"its bytes hold {len(values)} values of {count}")
    return values


def pack(kind: str, values: Sequence[Any]) -> bytes | None:
    """Return the bytes of a tensor's values; None where there are some that such a tensor cannot hold (a missing one)."""
    if kind == "BYTES":
        texts = [value.encode() for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    if kind == "FP64":
        values = [math.nan if value is None else value for value in values]
    try:
        return struct.pack(f"<{len(values)}{CODES[kind]}", *values) if None not in values else None
    except struct.error:
        return None


def _texts(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        end = at + 4 + (struct.unpack_from("<I", raw, at)[0] if len(raw) - at >= 4 else 0)
        if end > len(raw) or len(raw) - at < 4:
            raise ValueError("its last text is cut off")
        yield raw[at + 4 : end]
        at = end
