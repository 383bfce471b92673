"""What goes wrong between two peers."""


class ProtocolError(Exception):
    """The peer broke a rule that ends the connection."""


class ConnectionLost(Exception):
    """The connection is gone; the session may go on over another one."""


class MalformedMessage(Exception):
    """A record that is not what its message must hold: the message is refused, the session goes on."""


class RefusedRequest(Exception):
    """A request that is answered with an error: by the peer, or by this side."""

    def __init__(self, errno: int, text: str = ""):
        super().__init__(f"errno {errno}: {text}")
        self.errno = errno
        self.text = text
