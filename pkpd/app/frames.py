"""Answers as bytes: a head in JSON, then the numbers as they are."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pkpd.arrays import Array

__all__ = ["Frame", "decoded", "encoded"]


@dataclass(frozen=True, eq=False)
class Frame:
    """Words and numbers that belong together.

    Attributes
    ----------
    head
        What JSON can hold.
    arrays
        Numbers by name.
    body
        The bytes of a file.
    """

    head: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    body: bytes = b""


def encoded(frame: Frame, number: int) -> bytes:
    """A frame as the answer to request `number`.

    Four bytes tell the length of the head, little endian; the head is JSON in UTF-8, filled up with spaces so
    that the numbers, float64 in little endian one array after the other, begin at a multiple of eight bytes.

    Examples
    --------
    >>> decoded(encoded(Frame({"note": "ok"}, {"y": np.array([1.0, np.nan])}), 3))
    ({'note': 'ok', 'id': 3, 'arrays': [['y', [2]]]}, {'y': array([ 1., nan])}, b'')
    """
    shapes = [[name, list(np.shape(a))] for name, a in frame.arrays.items()]
    head = json.dumps({**frame.head, "id": number, "arrays": shapes}, separators=(",", ":"), allow_nan=False).encode()
    head += b" " * (-(len(head) + 4) % 8)
    numbers = [np.ascontiguousarray(a, dtype="<f8").tobytes() for a in frame.arrays.values()]
    return b"".join([struct.pack("<I", len(head)), head, *numbers, frame.body])


def decoded(data: bytes) -> tuple[dict[str, Any], dict[str, Array], bytes]:
    """The head, the arrays and the bytes of a file in an answer."""
    (length,) = struct.unpack_from("<I", data)
    head = json.loads(data[4 : 4 + length])
    arrays, place = {}, 4 + length
    for name, shape in head["arrays"]:
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(data, dtype="<f8", count=count, offset=place).reshape(shape)
        place += 8 * count
    return head, arrays, data[place:]
