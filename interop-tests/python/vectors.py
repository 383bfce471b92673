"""Reads every test vector and writes it again: vectors.py VECTORS.JSON

Prints a line for each, and exits with 1 when one differs."""

import io
import json
import sys
from typing import Any

from vfio_user_portable import link_frames
from vfio_user_portable.framing import Frame, encode_frame, read_frame
from vfio_user_portable.preface import MAGIC, Limits, Preface, encode_preface, read_preface
from vfio_user_portable.records import decode_record, encode_record

MAX_BYTES = 2**20


def plain(value: Any) -> Any:
    """What a value of the JSON file stands for."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$uint64" in value:
        return int(value["$uint64"])
    if "$bin" in value:
        return bytes.fromhex(value["$bin"])
    return {key: plain(item) for key, item in value.items()}


def integers(value: Any) -> list[int]:
    if isinstance(value, dict):
        return integers(list(value.values()))
    if isinstance(value, list):
        return [number for item in value for number in integers(item)]
    return [value] if isinstance(value, int) else []


def as_unsigned(encoded: bytes, record: Any) -> bytes:
    """Values of 2^32 and above as unsigned 64-bit, which is what this implementation writes. Signed is right, too."""
    for number in integers(record):
        if 2**32 <= number < 2**63:
            octets = number.to_bytes(8, "big")
            encoded = encoded.replace(b"\xd3" + octets, b"\xcf" + octets)
    return encoded


def check_preface(encoded: bytes, record: Any) -> None:
    minor = int.from_bytes(encoded[10:12], "little")
    stream = io.BytesIO(encoded)
    found = read_preface(stream.read)
    expected = Preface(
        tuple(record["capabilities"]),
        Limits(**record["limits"]),
        record["session"],
        minor=minor,
        attachment=record.get("attachment"),
        handled=record.get("handled"),
        attempt=record.get("attempt"),
    )
    assert found == expected, f"read {found}"
    assert stream.read() == b"", "bytes are left behind the preface"
    written = encode_preface(expected)
    assert written == as_unsigned(encoded, record), f"written {written.hex()}"


def check_frame(encoded: bytes, record: Any, data: bytes) -> None:
    stream = io.BytesIO(encoded)
    frame = read_frame(stream.read, MAX_BYTES, MAX_BYTES)
    assert stream.read() == b"", "bytes are left behind the frame"
    if record is None:
        assert frame.data == data, f"read data {frame.data.hex()}"
        written = encode_frame(link_frames.to_frame(link_frames.from_frame(frame)))
        assert written == encoded, f"written {written.hex()}"
        return
    found = decode_record(frame.record)
    assert found == record, f"read {found}"
    assert frame.data == data, f"read data {frame.data.hex()}"
    written = encode_frame(Frame(encode_record(record), data))
    assert written == as_unsigned(encoded, record), f"written {written.hex()}"


def check(vector: dict[str, Any]) -> None:
    encoded, data = bytes.fromhex(vector["hex"]), bytes.fromhex(vector["data"])
    record = plain(vector["record"])
    if encoded.startswith(MAGIC):
        check_preface(encoded, record)
    else:
        check_frame(encoded, record, data)


def main(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)["vectors"]
    failures = 0
    for vector in vectors:
        try:
            check(vector)
            print("ok", vector["name"])
        except Exception as error:  # whatever it is, the other vectors are still of interest
            failures += 1
            print("not ok", vector["name"], repr(error))
    print(f"{len(vectors) - failures} of {len(vectors)} vectors, {sys.byteorder}-endian")
    return 1 if failures or not vectors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
