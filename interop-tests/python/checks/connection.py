"""What ends a connection: each check opens one of its own."""

import socket

from vfio_user_portable.preface import FIXED, MAGIC, Preface, encode_preface, read_preface

SECONDS = 10


def ends(address: tuple[str, int], sent: bytes) -> bool:
    """Whether the server ends a connection that begins with these bytes."""
    with socket.create_connection(address, timeout=SECONDS) as stream:
        stream.sendall(sent)
        try:
            while stream.recv(4096):
                pass
        except ConnectionResetError:
            pass
    return True


def other_major(address: tuple[str, int]) -> None:
    """the server ends a connection of another major version"""
    assert ends(address, encode_preface(Preface((), major=2)))


def other_minor(address: tuple[str, int]) -> None:
    """the server takes a later minor version and answers with a preface"""
    with socket.create_connection(address, timeout=SECONDS) as stream:
        stream.sendall(encode_preface(Preface(("of-the-future",), minor=9)))
        read_preface(lambda count: stream.recv(count, socket.MSG_WAITALL))


def other_protocol(address: tuple[str, int]) -> None:
    """the server ends a connection of another protocol"""
    assert ends(address, b"GET / HTTP/1.1\r\nHost: device\r\n\r\n")


def malformed_preface(address: tuple[str, int]) -> None:
    """the server ends a connection whose preface is malformed or too long"""
    assert ends(address, FIXED.pack(MAGIC, 1, 0, 1) + b"\x80")
    assert ends(address, FIXED.pack(MAGIC, 1, 0, 4097))


def wrong_lengths(address: tuple[str, int]) -> None:
    """the server ends a connection whose frame has wrong lengths"""
    preface = encode_preface(Preface(()))
    for frame, record in ((7, 0), (0x7FFFFFFF, 8), (16, 9), (0x20000, 0x10001)):
        assert ends(address, preface + frame.to_bytes(4, "little") + record.to_bytes(4, "little"))


CHECKS = (other_major, other_minor, other_protocol, malformed_preface, wrong_lengths)
