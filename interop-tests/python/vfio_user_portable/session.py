"""What is counted and kept of a session that outlives its connections (section 8)."""

from collections import deque
from collections.abc import Iterator

from .errors import ProtocolError

# The server is told at the latest after so many frames, or bytes of them.
TELL_FRAMES = 256
TELL_BYTES = 2**19


class Session:
    """Frames of both directions: those sent that the server may not have handled, and the number of those handled."""

    def __init__(self) -> None:
        self.handled = 0
        self._untold_frames = 0
        self._untold_bytes = 0
        self._kept: deque[bytes] = deque()
        self._handled_by_server = 0

    def keep(self, frame: bytes) -> None:
        self._kept.append(frame)

    def drop(self, handled: int) -> None:
        """The server has handled so many."""
        if not 0 <= handled - self._handled_by_server <= len(self._kept):
            raise ProtocolError(f"the server says that it has handled {handled} frames, which cannot be")
        while self._handled_by_server < handled:
            self._kept.popleft()
            self._handled_by_server += 1

    @property
    def kept(self) -> Iterator[bytes]:
        """Oldest first."""
        return iter(tuple(self._kept))

    def count_handled(self, frame_bytes: int) -> bool:
        """Returns whether the server has to be told."""
        self.handled += 1
        self._untold_frames += 1
        self._untold_bytes += frame_bytes
        return self._untold_frames >= TELL_FRAMES or self._untold_bytes >= TELL_BYTES

    def told(self) -> None:
        self._untold_frames = 0
        self._untold_bytes = 0
