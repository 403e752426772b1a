"""A server on loopback that takes calls and answers none of them."""

import socket
from contextlib import suppress
from threading import Thread


class SilentServer:
    """Keeps each connection open, or closes it at once.

    Attributes:
        calls: connections taken so far.
    """

    def __init__(self, *, closes: bool = False) -> None:
        self.calls = 0
        self._closes = closes
        self._kept: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        Thread(target=self._take, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def close(self) -> None:
        """Drop whoever waits."""
        for each in (*self._kept, self._server):
            each.close()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                taken, _ = self._server.accept()
                self.calls += 1
                if self._closes:
                    taken.close()
                else:
                    self._kept.append(taken)
