"""What each side says before its first frame (section 1)."""

import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from . import records
from .errors import MalformedMessage, ProtocolError

MAGIC = bytes.fromhex("895646550d0a1a0a")
MAJOR = 1
MINOR = 1
FIXED = struct.Struct("<8sHHI")
MAX_MAP_BYTES = 4096
SESSION_BYTES = 16
ATTEMPT_BYTES = 8
MAX_ATTACHMENT_BYTES = 1024
NEW_SESSION = bytes(SESSION_BYTES)


@dataclass(frozen=True)
class Limits:
    """What the sender accepts."""

    maxFrameBytes: int = 8 + 65536 + 2**20 + 65536
    maxRecordBytes: int = 65536
    maxPushBytes: int = 0
    maxPushRules: int = 0
    windowMessages: int = 0
    windowBytes: int = 0
    silenceMs: int = 0
    holdMs: int | None = None


@dataclass(frozen=True)
class Preface:
    capabilities: tuple[str, ...]
    limits: Limits = Limits()
    session: bytes = NEW_SESSION
    major: int = MAJOR
    minor: int = MINOR
    attachment: bytes | None = None
    handled: int | None = None
    attempt: bytes | None = None


def encode_preface(preface: Preface) -> bytes:
    record: dict[str, Any] = {"session": preface.session}
    if preface.handled is not None:
        record["handled"] = preface.handled
    if preface.attempt is not None:
        record["attempt"] = preface.attempt
    record["capabilities"] = list(preface.capabilities)
    record["limits"] = {key: value for key, value in asdict(preface.limits).items() if value is not None}
    if preface.attachment is not None:
        record["attachment"] = preface.attachment
    packed = records.encode_record(record)
    return FIXED.pack(MAGIC, preface.major, preface.minor, len(packed)) + packed


def read_preface(read: Callable[[int], bytes]) -> Preface:
    """The preface that a stream begins with. `read` returns exactly as many bytes as it is asked for."""
    magic, major, minor, length = FIXED.unpack(read(FIXED.size))
    if magic != MAGIC:
        raise ProtocolError(f"the peer does not speak the portable encoding, it sent {magic.hex(' ')}")
    if major != MAJOR:
        raise ProtocolError(f"the peer speaks version {major}.{minor}, this side {MAJOR}.{MINOR}")
    if length > MAX_MAP_BYTES:
        raise ProtocolError(f"a preface with a map of {length} bytes")
    try:
        return _preface(records.decode_record(read(length)), min(minor, MINOR))
    except MalformedMessage as error:
        raise ProtocolError(f"preface: {error}") from error


def _preface(record: dict, minor: int) -> Preface:
    session = records.typed(record, "session", bytes)
    names = records.typed(record, "capabilities", list)
    limits = records.typed(record, "limits", dict)
    if len(session) != SESSION_BYTES:
        raise MalformedMessage(f"a session name of {len(session)} bytes")
    if len(names) > 64 or not all(isinstance(name, str) and len(name) <= 64 for name in names):
        raise MalformedMessage("capabilities that are not at most 64 names of at most 64 characters")
    sizes = {key: records.SIZE if key.startswith("window") else records.U32 for key in asdict(Limits())}
    if "holdMs" not in limits:
        del sizes["holdMs"]
    found = Limits(**{key: records.uint(limits, key, bits) for key, bits in sizes.items()})
    if found.maxFrameBytes < 16:
        raise MalformedMessage(f"maxFrameBytes is {found.maxFrameBytes}")
    attachment = records.typed(record, "attachment", bytes) if "attachment" in record else None
    if attachment is not None and len(attachment) > MAX_ATTACHMENT_BYTES:
        raise MalformedMessage(f"an attachment of {len(attachment)} bytes")
    handled = records.uint(record, "handled", records.SIZE) if "handled" in record else None
    attempt = records.typed(record, "attempt", bytes) if "attempt" in record else None
    if attempt is not None and len(attempt) != ATTEMPT_BYTES:
        raise MalformedMessage(f"an attempt of {len(attempt)} bytes")
    return Preface(tuple(names), found, session, MAJOR, minor, attachment, handled, attempt)
