"""Records: MessagePack maps of a restricted kind (section 2), and typed access to their keys."""

from typing import Any

import msgpack

from .errors import MalformedMessage

MAX_DEPTH = 8

U16 = 16
U32 = 32
SIZE = 53
U64 = 64


def encode_record(record: dict[str, Any]) -> bytes:
    return msgpack.packb(record, use_bin_type=True)


def decode_record(packed: bytes) -> dict[str, Any]:
    """The map that fills `packed`; integers of any format."""
    try:
        record = msgpack.unpackb(packed, raw=False, object_pairs_hook=_map)
    except MalformedMessage:
        raise
    except ValueError as error:  # what msgpack's own exceptions derive from
        raise MalformedMessage(f"a record that is no MessagePack map: {error!r}") from error
    if not isinstance(record, dict):
        raise MalformedMessage(f"a record that is no map but a {type(record).__name__}")
    _check(record, 1)
    return record


def _map(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    for key, _ in pairs:
        if not isinstance(key, str):
            raise MalformedMessage(f"the key {key!r} is no string")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedMessage("a key comes twice")
    return found


def _check(value: Any, depth: int) -> None:
    if isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise MalformedMessage(f"nested more than {MAX_DEPTH} deep")
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1)
    elif not isinstance(value, (str, bytes, int, bool, type(None))):
        raise MalformedMessage(f"a value of type {type(value).__name__}, which records do not have")


def uint(record: dict[str, Any], key: str, bits: int) -> int:
    """The unsigned integer of `bits` bits at `key`."""
    value = record.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise MalformedMessage(f"{key} is {value!r}, not an unsigned integer of {bits} bits")
    return value


def typed(record: dict[str, Any], key: str, kind: type) -> Any:
    """The value at `key`, a `str`, `bytes`, `bool`, `dict` or `list`."""
    value = record.get(key)
    if not isinstance(value, kind):
        raise MalformedMessage(f"{key} is {value!r}, not a {kind.__name__}")
    return value
