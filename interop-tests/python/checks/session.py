"""Negotiation, errors, malformed messages, signs of life."""

import msgpack
from bench_device import BAR0, SCRATCH, BenchDevice
from vfio_user_portable import constants
from vfio_user_portable.errors import RefusedRequest

# The largest nonce: a receiver that takes it for signed would send back another one.
NONCE = 0xFFFFFFFF
# Far from those the client counts through.
RAW_ID = 0xFFF0


def prefaces(bench: BenchDevice) -> None:
    """the server's preface names its session and what it understands"""
    server = bench.client.server
    assert any(server.session), "the session has no name"
    assert {"interrupt", "doorbell", "keep-alive", "acknowledge"} <= set(server.capabilities), server


def version(bench: BenchDevice) -> None:
    """VERSION, sent behind the preface, is answered with the server's limits"""
    reply = bench.client.version
    assert (reply["major"], reply["minor"]) <= (0, 2), reply
    assert reply["capabilities"]["max_data_xfer_size"] >= 2**16, reply


def refusals(bench: BenchDevice) -> None:
    """a wrong request is answered with an errno and a text, and the session goes on"""
    try:
        bench.read_bytes(99, 0, 4)
        raise AssertionError("a region that does not exist was read")
    except RefusedRequest as error:
        assert error.errno == constants.EINVAL, error
        assert "REGION_READ" in error.text and "99" in error.text, error
    bench.read(SCRATCH)


def malformed(bench: BenchDevice) -> None:
    """malformed requests are refused one by one"""
    good = {"offset": SCRATCH, "region": BAR0, "count": 4}
    wrong = [
        {key: value for key, value in good.items() if key != "count"},
        good | {"offset": -1},
        good | {"region": 2**32},
        good | {"count": True},
        good | {"count": "4"},
        good | {"offset": None},
    ]
    for body in wrong:
        expect_refusal(bench, constants.REGION_READ, body)
    expect_refusal(bench, constants.REGION_READ, good, b"data nobody asked for")
    expect_refusal(bench, constants.REGION_READ, None)
    expect_refusal(bench, 999, {})
    bench.read(SCRATCH)


def unnamed(bench: BenchDevice) -> None:
    """what has an id and is no reply counts as a request; without a command, the error says 0"""
    question = {"type": "question", "command": constants.REGION_READ, "id": RAW_ID}
    for record, command in ((question, constants.REGION_READ), ({"id": RAW_ID}, 0)):
        try:
            bench.client.request_raw(msgpack.packb(record), command, RAW_ID)
            raise AssertionError(f"{record} was accepted")
        except RefusedRequest as error:
            assert error.errno == constants.EINVAL, error


def expect_refusal(bench: BenchDevice, command: int, body: dict | None, data: bytes = b"") -> None:
    try:
        bench.client.request(command, body, data)
    except RefusedRequest as error:
        assert error.errno != 0, error
        return
    raise AssertionError(f"command {command} with {body} and {len(data)} bytes of data was accepted")


def unreadable(bench: BenchDevice) -> None:
    """records that cannot be read, or have no id, are dropped without an end of the session"""
    no_id = {"type": "request", "command": constants.REGION_READ, "body": {}}
    stray = {"type": "reply", "command": constants.DMA_READ, "id": 999}
    for packed in (b"", b"\xc1", b"\x81", b"\x90", msgpack.packb(no_id), msgpack.packb(stray)):
        bench.client.send_raw(packed)
    bench.read(SCRATCH)


def other_formats(bench: BenchDevice) -> None:
    """integers in long formats, keys in another order and keys nobody knows are understood"""
    bench.write(SCRATCH, 0x600DF00D)
    packer = msgpack.Packer()
    body = packer.pack_map_header(4)
    body += packer.pack("count") + b"\xcf" + (4).to_bytes(8, "big")
    body += packer.pack("of the future") + packer.pack([{"nested": [None, -1, b"bytes"]}])
    body += packer.pack("region") + b"\xd3" + bytes(8)
    body += packer.pack("offset") + b"\xd1" + SCRATCH.to_bytes(2, "big")
    record = packer.pack_map_header(4) + packer.pack("body") + body
    record += packer.pack("id") + b"\xce" + RAW_ID.to_bytes(4, "big")
    record += packer.pack("command") + b"\xd2" + constants.REGION_READ.to_bytes(4, "big")
    record += packer.pack("type") + packer.pack("request")
    reply = bench.client.request_raw(record, constants.REGION_READ, RAW_ID)
    assert reply.data == bytes.fromhex("0df00d60"), reply


def keep_alive_of_ours(bench: BenchDevice) -> None:
    """KEEP_ALIVE is answered with its nonce"""
    bench.client.send_keep_alive(NONCE)
    bench.client.wait_until(lambda: NONCE in bench.client.keep_alive_replies)


def keep_alive_of_theirs(bench: BenchDevice) -> None:
    """the server gives a sign of life before this side's silence limit is reached"""
    before = bench.client.keep_alives_answered
    seconds = bench.client.own.limits.silenceMs / 1000
    bench.client.wait_until(lambda: bench.client.keep_alives_answered > before, seconds)


CHECKS = (
    prefaces,
    version,
    refusals,
    malformed,
    unnamed,
    unreadable,
    other_formats,
    keep_alive_of_ours,
    keep_alive_of_theirs,
)
