"""Frames: two lengths, a record, a data segment (section 2)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ProtocolError

LENGTHS = struct.Struct("<II")


@dataclass(frozen=True)
class Frame:
    """One frame, its record still packed."""

    record: bytes
    data: bytes

    @property
    def length(self) -> int:
        return LENGTHS.size + len(self.record) + len(self.data)


def encode_frame(frame: Frame) -> bytes:
    return LENGTHS.pack(frame.length, len(frame.record)) + frame.record + frame.data


def read_frame(read: Callable[[int], bytes], max_frame: int, max_record: int) -> Frame:
    """The next frame of a stream. `read` returns exactly as many bytes as it is asked for."""
    frame, record = LENGTHS.unpack(read(LENGTHS.size))
    if not LENGTHS.size <= frame <= max_frame:
        raise ProtocolError(f"a frame of {frame} bytes, the limit is {max_frame}")
    if record > min(max_record, frame - LENGTHS.size):
        raise ProtocolError(f"a record of {record} bytes in a frame of {frame}, the limit is {max_record}")
    return Frame(read(record), read(frame - LENGTHS.size - record))
