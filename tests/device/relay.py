"""A network connection to a board that a test can cut: a TCP port that forwards to that of the board."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Relay:
    """Forwards connections until it is cut, or has forwarded `limit_bytes` to the board (0: no limit).

    Attributes:
        port: the port that it listens on.
        forwarded_bytes: to the board so far.
    """

    def __init__(self, target_port: int, limit_bytes: int = 0) -> None:
        self.forwarded_bytes = 0
        self._limit_bytes = limit_bytes
        self._target_port = target_port
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection, and accept no more."""
        for connection in (self._server, *self._sockets):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        # Closing the server raises OSError, which ends this thread.
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port))
                self._sockets += [near, far]
                threading.Thread(target=self._forward, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._forward, args=(far, near, False), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, to_board: bool) -> None:
        # A connection that is closed on either side ends this thread.
        with suppress(OSError):
            while block := source.recv(1 << 14):
                sink.sendall(block)
                if to_board:
                    self.forwarded_bytes += len(block)
                    if self._limit_bytes and self.forwarded_bytes >= self._limit_bytes:
                        self.cut()
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relay_to(config: Path, limit_bytes: int = 0) -> Iterator[tuple[Relay, Path]]:
    """Yield a relay to the board of an ssh configuration, and the configuration that uses it."""
    folder, text = config.parent, config.read_text(encoding="utf-8")
    port = int(text.split("Port ")[1].split()[0])
    relay = Relay(port, limit_bytes)
    # The key of the board is known for its own port, and must be known for that of the relay too.
    known_hosts = folder / "known_hosts"
    line = known_hosts.read_text(encoding="ascii").splitlines()[0]
    through_relay = line.replace(f":{port} ", f":{relay.port} ")
    known_hosts.write_text(f"{line}\n{through_relay}\n", encoding="ascii")
    relay_config = folder / f"config-{relay.port}"
    relay_config.write_text(text.replace(f"Port {port}\n", f"Port {relay.port}\n"), encoding="utf-8")
    try:
        yield relay, relay_config
    finally:
        relay.cut()
