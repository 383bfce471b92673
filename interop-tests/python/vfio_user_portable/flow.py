"""Windows of messages that are not answered (ACKNOWLEDGE in section 5)."""

from .errors import ProtocolError


class Window:
    """One-way messages of one direction: how many there were, and how many were acknowledged."""

    def __init__(self, messages: int, bytes_: int):
        """Zeros: any number."""
        self._max_messages = messages
        self._max_bytes = bytes_
        self.messages = 0
        self.bytes = 0
        self._acknowledged_messages = 0
        self._acknowledged_bytes = 0

    @property
    def has_room(self) -> bool:
        messages, bytes_ = self._waiting
        return not (0 < self._max_messages <= messages or 0 < self._max_bytes <= bytes_)

    @property
    def is_half_used(self) -> bool:
        messages, bytes_ = self._waiting
        return 0 < self._max_messages <= 2 * messages or 0 < self._max_bytes <= 2 * bytes_

    @property
    def _waiting(self) -> tuple[int, int]:
        return self.messages - self._acknowledged_messages, self.bytes - self._acknowledged_bytes

    def count(self, frame_bytes: int) -> None:
        """One more message was sent, or handled."""
        if not self.has_room:
            raise ProtocolError("a one-way message beyond the window")
        self.messages += 1
        self.bytes += frame_bytes

    def acknowledge(self, messages: int, bytes_: int) -> None:
        """How many are known to be handled, since the session began."""
        self._acknowledged_messages = max(self._acknowledged_messages, min(messages, self.messages))
        self._acknowledged_bytes = max(self._acknowledged_bytes, min(bytes_, self.bytes))
