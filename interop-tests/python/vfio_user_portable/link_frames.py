"""Frames without a record: they concern one connection of a session (section 8)."""

import struct
from typing import NamedTuple

from .errors import ProtocolError
from .framing import Frame

HANDLED = 1
KEEP_ALIVE = 2
KEEP_ALIVE_REPLY = 3
END = 4

FIELDS = struct.Struct("<IIQ")


class LinkFrame(NamedTuple):
    kind: int
    value: int
    handled: int
    payload: bytes = b""
    """What the kinds of section 7 have more."""


def to_frame(link_frame: LinkFrame) -> Frame:
    return Frame(b"", FIELDS.pack(*link_frame[:3]) + link_frame.payload)


def from_frame(frame: Frame) -> LinkFrame:
    if len(frame.data) < FIELDS.size:
        raise ProtocolError(f"a frame without a record, of {frame.length} bytes")
    return LinkFrame(*FIELDS.unpack_from(frame.data), frame.data[FIELDS.size :])
