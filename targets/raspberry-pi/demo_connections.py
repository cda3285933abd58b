"""Bounds on the connections of the demo's page: how many, how many of one address, and how long a request may take.

aiohttp waits for ever for the rest of a request, and accepts until the process has no file descriptors left. A
connection here has a deadline while no complete request is being handled; beyond a bound, the oldest of these is closed
for the new one. Viewers, whose request lasts as long as they watch, are never closed for it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# A browser opens up to six connections to a page, and one for the live view.
CONNECTIONS_PER_VIEWER = 8
LEAST_PER_ADDRESS, LEAST_IN_ALL = 32, 128
# File descriptors for the camera, the model, the sensors of the board, and connections that are being accepted.
RESERVED_DESCRIPTORS = 64


@dataclass(frozen=True)
class ConnectionLimits:
    """Bounds.

    Attributes:
        in_all: largest number of connections.
        per_address: largest number of connections of one address; an IPv6 address counts with its /64 network.
        request_s: time from the start of a connection, or from the last response, to the end of the headers of a
            request, and from a response to the end of the body that it did not wait for.
    """

    in_all: int
    per_address: int
    request_s: float = 10.0


def choose_limits(viewers: int) -> ConnectionLimits:
    """Choose the bounds for a number of viewers, within the file descriptors that this process may open."""
    per_address = max(LEAST_PER_ADDRESS, CONNECTIONS_PER_VIEWER * viewers)
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        descriptors = 1 << 20
    in_all = min(max(LEAST_IN_ALL, 2 * per_address), max(2, descriptors - RESERVED_DESCRIPTORS))
    return ConnectionLimits(in_all, min(per_address, in_all))


class Connections:
    """All open connections, the oldest first. `accept` is the protocol factory of a server of asyncio."""

    def __init__(self, make_handler: Callable[[], Any], limits: ConnectionLimits) -> None:
        """Bound the connections whose protocols `make_handler` makes: an aiohttp.web.Server."""
        self.limits = limits
        self._make_handler = make_handler
        # A dict keeps the order of insertion.
        self._open: dict[Connection, str] = {}

    def accept(self) -> Connection:
        """Make the protocol of a new connection."""
        return Connection(self, self._make_handler)

    def add(self, connection: Connection, address: str) -> bool:
        """Add a connection, if need be in place of the oldest that waits for a request; False if there is no room."""
        same = [other for other, other_address in self._open.items() if other_address == address]
        for candidates, limit in ((same, self.limits.per_address), (list(self._open), self.limits.in_all)):
            if len(candidates) >= limit and not self._close_oldest(candidates):
                return False
        self._open[connection] = address
        return True

    def remove(self, connection: Connection) -> None:
        """Remove a connection that was closed."""
        self._open.pop(connection, None)

    def _close_oldest(self, candidates: list[Connection]) -> bool:
        for connection in candidates:
            if connection in self._open and connection.waits_for_request:
                self.remove(connection)
                connection.abort()
                return True
        return False


class Connection(asyncio.Protocol):
    """One connection: passes everything to aiohttp's protocol, and is closed when its deadline passes."""

    def __init__(self, connections: Connections, make_handler: Callable[[], Any]) -> None:
        self._connections = connections
        self._make_handler = make_handler
        self._handler: Any = None
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def waits_for_request(self) -> bool:
        """Whether no request is being handled."""
        return self._deadline is not None

    def begin_request(self) -> None:
        """Remove the deadline: the headers of a request are complete."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def end_request(self) -> None:
        """Start the deadline of the next request."""
        if self._transport is not None and not self._transport.is_closing():
            self.begin_request()
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._connections.limits.request_s, self.abort)

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        if not peer or not self._connections.add(self, group_address(peer[0])):
            transport.abort()
            return
        self._handler = self._make_handler()
        self._handler.connection_made(transport)
        self.end_request()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._handler is not None:
            self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """See asyncio.Protocol."""
        return bool(self._handler.eof_received()) if self._handler is not None else None

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if self._handler is not None:
            self._handler.pause_writing()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if self._handler is not None:
            self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.begin_request()
        self._connections.remove(self)
        if self._handler is not None:
            self._handler.connection_lost(exc)
        self._transport = None


def group_address(host: str) -> str:
    """Return the address by which connections are counted: one host may use all addresses of its IPv6 /64 network."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)
