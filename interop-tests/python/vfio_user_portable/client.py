"""A client: one session, one thread. It serves the device's requests while it waits for its own."""

import dataclasses
import os
import random
import select
import socket
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from . import constants, framing, link_frames, records
from .errors import ConnectionLost, MalformedMessage, ProtocolError, RefusedRequest
from .flow import Window
from .memory import Memory
from .link_frames import LinkFrame
from .preface import ATTEMPT_BYTES, Preface, encode_preface, read_preface
from .session import Session

ANSWER_SECONDS = 30
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2
MAX_TEXT = 1024


class Reply(NamedTuple):
    body: dict[str, Any] | None
    data: bytes


class Interrupt(NamedTuple):
    index: int
    vector: int
    count: int


class Client:
    """Connected and negotiated from the start; `with` closes it."""

    def __init__(self, address: tuple[str, int], own: Preface, version: dict[str, Any]):
        self.memory = Memory()
        self.on_interrupt: Callable[[Interrupt], None] = lambda interrupt: None
        self.own = own
        self.keep_alives_answered = 0
        self.keep_alive_replies: list[int] = []
        self.refused_requests = 0
        self.posted_writes = 0
        self.faults = 0
        # The request whose answer shows that the server knows of a write that was refused.
        self._question: tuple[int, int] | None = None
        # How often the session went on over another connection.
        self.continuations = 0
        self._next_id = 0
        self._waiting_for: tuple[int, int] | None = None
        self._reply: Reply | RefusedRequest | None = None
        self._address = address
        # Of a session that outlives its connections. Frames count before it is known whether this one does.
        self._session: Session | None = Session() if "resume" in own.capabilities else None
        self._stream = self._connect()
        self._lost = False
        self._sent = Window(0, 0)
        self._handled = Window(0, 0)
        # VERSION right behind the preface: it need not wait for the server's.
        self._stream.sendall(encode_preface(own))
        self._send_request(constants.VERSION, version)
        self.server = read_preface(self._read)
        if not (self.has("resume") and self.server.minor >= 1):
            self._session = None
        self._version_answered = False
        if self.has("acknowledge"):
            theirs = self.server.limits
            self._sent = Window(theirs.windowMessages, theirs.windowBytes)
            self._handled = Window(own.limits.windowMessages, own.limits.windowBytes)
        self.version = self._await_reply().body or {}
        self._version_answered = True

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        if self._session is not None and not self._lost:
            self._end()
        self._stream.close()

    def _end(self) -> None:
        """Without it the server would hold the session."""
        self._tell(link_frames.END, 0)
        try:
            self._stream.shutdown(socket.SHUT_WR)
            while self._stream.recv(4096):
                pass
        except OSError:
            pass  # the connection broke in its last moment

    def has(self, capability: str) -> bool:
        """Whether both sides named it."""
        return capability in self.server.capabilities and capability in self.own.capabilities

    def request(self, command: int, body: dict[str, Any] | None = None, data: bytes = b"") -> Reply:
        """Sends a request and serves the device until the reply is there."""
        self._send_request(command, body, data)
        return self._await_reply()

    def request_raw(self, record: bytes, command: int, message_id: int) -> Reply:
        """A request that somebody else packed, to see how the server takes it, and what an answer must name."""
        self._expect(command, message_id)
        self.send_raw(record)
        return self._await_reply()

    def post(self, command: int, body: dict[str, Any], data: bytes = b"") -> None:
        """Sends a message that is not answered, as soon as the server's window takes it."""
        self.wait_until(lambda: self._sent.has_room)
        self._sent.count(self._send_one_way(command, body, data))

    def send_keep_alive(self, nonce: int) -> None:
        if self._session is not None:
            self._tell(link_frames.KEEP_ALIVE, nonce)
        else:
            self._send_one_way(constants.KEEP_ALIVE, {"nonce": nonce, "reply": False})

    def send_raw(self, record: bytes, data: bytes = b"") -> None:
        """A frame with a record that somebody else packed, to see how the server takes it."""
        self._transmit(framing.Frame(record, data))

    def wait_until(self, done: Callable[[], bool], seconds: float = ANSWER_SECONDS) -> None:
        """Serves the device until `done` says so."""
        deadline = time.monotonic() + seconds
        while not done():
            if self._lost:
                self._go_on()
            elif not select.select([self._stream], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"nothing came that ends the wait within {seconds} s")
            else:
                self._receive()

    def _send_request(self, command: int, body: dict[str, Any] | None, data: bytes = b"") -> None:
        message_id = self._take_id()
        self._expect(command, message_id)
        self._write_request(command, message_id, body, data)

    def _take_id(self) -> int:
        self._next_id = self._next_id % 0xFFFF + 1
        return self._next_id

    def _ask(self) -> None:
        """The server answers it when it knows of what was sent before."""
        self._question = constants.DEVICE_GET_INFO, self._take_id()
        self._write_request(*self._question, {})

    def _write_request(self, command: int, message_id: int, body: dict[str, Any] | None, data: bytes = b"") -> None:
        record = {"type": "request", "command": command, "id": message_id}
        if body is not None:
            record["body"] = body
        self._send(record, data)

    def _expect(self, command: int, message_id: int) -> None:
        self._waiting_for = (command, message_id)
        self._reply = None

    def _send_one_way(self, command: int, body: dict[str, Any], data: bytes = b"") -> int:
        record = {"type": "request", "command": command, "id": 0, "noReply": True, "body": body}
        return self._send(record, data)

    def _send(self, record: dict[str, Any], data: bytes = b"") -> int:
        frame = framing.Frame(records.encode_record(record), data)
        self._transmit(frame)
        return frame.length

    def _transmit(self, frame: framing.Frame) -> None:
        encoded = framing.encode_frame(frame)
        if self._session is not None:
            self._session.keep(encoded)
        self._write(encoded)

    def _write(self, encoded: bytes) -> None:
        """Where the session goes on without the connection, so does this: what is kept is sent again."""
        if self._lost:
            return
        try:
            self._stream.sendall(encoded)
        except OSError:
            if self._session is None:
                raise
            self._lost = True

    def _tell(self, kind: int, value: int) -> None:
        """A link frame, which also says what was handled."""
        self._write(framing.encode_frame(link_frames.to_frame(LinkFrame(kind, value, self._session.handled))))
        self._session.told()

    def _connect(self) -> socket.socket:
        stream = socket.create_connection(self._address, timeout=ANSWER_SECONDS)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def _go_on(self) -> None:
        """Takes the session up again over another connection."""
        session = self._session
        own = dataclasses.replace(self.own, session=self.server.session, handled=session.handled)
        deadline = time.monotonic() + (self.server.limits.holdMs or 0) / 1000
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._stream.close()
            try:
                self._stream = self._connect()
                self._stream.sendall(encode_preface(dataclasses.replace(own, attempt=os.urandom(ATTEMPT_BYTES))))
                answer = read_preface(self._read)
                break
            except (OSError, ConnectionLost):
                if time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(pause / 2, pause))
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        if answer.session != self.server.session or answer.handled is None:
            raise ProtocolError("the server has given the session up")
        session.drop(answer.handled)
        session.told()
        self._lost = False
        self.continuations += 1
        for encoded in session.kept:
            self._write(encoded)

    def _await_reply(self) -> Reply:
        self.wait_until(lambda: self._reply is not None)
        self._waiting_for = None
        if isinstance(self._reply, RefusedRequest):
            raise self._reply
        return self._reply

    def _read(self, count: int) -> bytes:
        buffer = bytearray(count)
        view = memoryview(buffer)
        while view:
            received = self._stream.recv_into(view)
            if received == 0:
                raise ConnectionLost("the server ended the connection")
            view = view[received:]
        return bytes(buffer)

    def _receive(self) -> None:
        limits = self.own.limits
        try:
            frame = framing.read_frame(self._read, limits.maxFrameBytes, limits.maxRecordBytes)
        except (OSError, ConnectionLost):
            # The session begins with the answer to VERSION. What came of a frame is dropped.
            if self._session is None or not self._version_answered:
                raise
            self._lost = True
            return
        if self._session is not None and frame.record == b"":
            self._handle_link_frame(link_frames.from_frame(frame))
            return
        self._handle_frame(frame)
        if self._session is not None and self._session.count_handled(frame.length):
            self._tell(link_frames.HANDLED, 0)

    def _handle_link_frame(self, link_frame: LinkFrame) -> None:
        self._session.drop(link_frame.handled)
        if link_frame.kind == link_frames.KEEP_ALIVE:
            self._tell(link_frames.KEEP_ALIVE_REPLY, link_frame.value)
            self.keep_alives_answered += 1
        elif link_frame.kind == link_frames.KEEP_ALIVE_REPLY:
            self.keep_alive_replies.append(link_frame.value)
        elif link_frame.kind == link_frames.END:
            raise ProtocolError("the server has ended the session")

    def _handle_frame(self, frame: framing.Frame) -> None:
        try:
            record = records.decode_record(frame.record)
            message_id = records.uint(record, "id", records.U16)
        except MalformedMessage:
            self._count_handled(frame.length)  # nobody can be told
            return
        command = records.uint(record, "command", records.U16) if "command" in record else 0
        kind = record.get("type")
        if kind in ("reply", "error"):
            if (command, message_id) == self._question:
                self._question = None
            elif (command, message_id) == self._waiting_for:
                self._reply = _outcome(kind, record, frame.data)
        elif record.get("noReply") is True:
            self._handle_one_way(command, record, frame)
        else:
            self._answer(command, message_id, record, frame.data)

    def _handle_one_way(self, command: int, record: dict[str, Any], frame: framing.Frame) -> None:
        body = records.typed(record, "body", dict)
        if command == constants.KEEP_ALIVE:
            self._handle_keep_alive(records.uint(body, "nonce", 32), records.typed(body, "reply", bool))
        elif command == constants.ACKNOWLEDGE:
            counts = records.uint(body, "messages", records.SIZE), records.uint(body, "bytes", records.SIZE)
            self._sent.acknowledge(*counts)
        else:
            if command == constants.INTERRUPT:
                keys = ("index", "vector", "count")
                self.on_interrupt(Interrupt(*(records.uint(body, key, records.U32) for key in keys)))
            elif command == constants.DMA_WRITE:
                self._serve_posted(record, frame.data)
            self._count_handled(frame.length)

    def _serve_posted(self, record: dict[str, Any], data: bytes) -> None:
        """Only the first of the writes that are refused is told of."""
        self.posted_writes += 1
        if self._question is not None:
            return
        try:
            self._serve(constants.DMA_WRITE, record, data)
        except RefusedRequest as error:
            self.faults += 1
            number = {"message": self._handled.messages + 1, "errno": error.errno}
            fault = number | {key: record["body"][key] for key in ("address", "count")}
            self._sent.count(self._send_one_way(constants.DMA_FAULT, fault))
            self._ask()

    def _handle_keep_alive(self, nonce: int, is_reply: bool) -> None:
        if is_reply:
            self.keep_alive_replies.append(nonce)
        else:
            self._send_one_way(constants.KEEP_ALIVE, {"nonce": nonce, "reply": True})
            self.keep_alives_answered += 1

    def _count_handled(self, frame_bytes: int) -> None:
        self._handled.count(frame_bytes)
        if self._handled.is_half_used:
            counts = {"messages": self._handled.messages, "bytes": self._handled.bytes}
            self._handled.acknowledge(self._handled.messages, self._handled.bytes)
            self._send_one_way(constants.ACKNOWLEDGE, counts)

    def _answer(self, command: int, message_id: int, record: dict[str, Any], data: bytes) -> None:
        answer = {"type": "reply", "command": command, "id": message_id}
        result = b""
        try:
            body, result = self._serve(command, record, data)
            answer["body"] = body
        except MalformedMessage as error:
            answer |= {"type": "error", "errno": constants.EINVAL, "text": str(error)[:MAX_TEXT]}
        except RefusedRequest as error:
            self.refused_requests += 1
            answer |= {"type": "error", "errno": error.errno, "text": error.text[:MAX_TEXT]}
        self._send(answer, result)

    def _serve(self, command: int, record: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
        if record.get("type") != "request":
            raise MalformedMessage(f"type is {record.get('type')!r}, not request, reply or error")
        if command not in (constants.DMA_READ, constants.DMA_WRITE):
            raise RefusedRequest(constants.EINVAL, f"this client knows no command {command}")
        body = records.typed(record, "body", dict)
        address = records.uint(body, "address", records.U64)
        count = records.uint(body, "count", records.SIZE)
        if len(data) != (count if command == constants.DMA_WRITE else 0):
            raise MalformedMessage(f"{len(data)} bytes of data with a count of {count}")
        found = {"address": address, "count": count}
        if command == constants.DMA_WRITE and self._question is not None:
            raise RefusedRequest(constants.ECANCELED, "a write before it was refused")
        if command == constants.DMA_READ:
            return found, self.memory.read(address, count)
        self.memory.write(address, data)
        return found, b""


def _outcome(kind: str, record: dict[str, Any], data: bytes) -> Reply | RefusedRequest:
    try:
        if kind == "error":
            text = records.typed(record, "text", str) if "text" in record else ""
            return RefusedRequest(records.uint(record, "errno", records.U32), text)
        return Reply(records.typed(record, "body", dict) if "body" in record else None, data)
    except MalformedMessage as error:
        return RefusedRequest(constants.EINVAL, f"the reply is malformed: {error}")
