"""A wire between here and a board that can be cut: TCP on a free port, passed on to another."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Relay:
    """Passes on what comes, until it is cut or has passed on `limit_bytes` towards the board (0: no limit).

    Attributes:
        port: where it listens.
        passed_bytes: towards the board so far.
    """

    def __init__(self, target: int, limit_bytes: int = 0) -> None:
        self.passed_bytes = 0
        self._limit_bytes = limit_bytes
        self._target = target
        self._ends: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and take no more."""
        for end in (self._server, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        # It ends when the server is closed.
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                threading.Thread(target=self._pass_on, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(far, near, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        # A connection that ends, from either side, ends this thread.
        with suppress(OSError):
            while block := source.recv(1 << 14):
                sink.sendall(block)
                if counted:
                    self.passed_bytes += len(block)
                    if self._limit_bytes and self.passed_bytes >= self._limit_bytes:
                        self.cut()
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def relayed(config: Path, limit_bytes: int = 0) -> Iterator[tuple[Relay, Path]]:
    """A relay to the board of an ssh configuration, and the configuration that goes through it."""
    folder, text = config.parent, config.read_text(encoding="utf-8")
    port = int(text.split("Port ")[1].split()[0])
    relay = Relay(port, limit_bytes)
    known = folder / "known_hosts"
    known.write_text(known.read_text().splitlines()[0] + "\n", encoding="ascii")
    line = known.read_text(encoding="ascii")
    with known.open("a", encoding="ascii") as file:
        file.write(line.replace(f":{port} ", f":{relay.port} "))
    through = folder / f"config-{relay.port}"
    through.write_text(text.replace(f"Port {port}\n", f"Port {relay.port}\n"), encoding="utf-8")
    try:
        yield relay, through
    finally:
        relay.cut()
