"""demo_connections.py with raw sockets: half requests end, and nobody can occupy all connections."""

import asyncio
import resource
import time
from contextlib import asynccontextmanager
from types import SimpleNamespace

import aiohttp
import pytest
from PIL import Image

REQUEST_S = 0.4
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def demo_connections(import_payload):
    return import_payload("demo_connections")


@pytest.fixture(scope="module")
def demo_guard(import_payload):
    return import_payload("demo_guard")


@pytest.fixture
def serve(demo_web, demo_guard, demo_connections):
    """Serve the demo's page with these bounds; yields the port."""

    @asynccontextmanager
    async def run(in_all=10, per_address=10, request_s=REQUEST_S):
        prediction = SimpleNamespace(number=1, frame=SimpleNamespace(image=Image.new("RGB", (64, 48))))
        demo = SimpleNamespace(loop=SimpleNamespace(prediction=prediction), get_state=lambda _: {"number": 1})
        app = demo_web.make_application(demo, demo_guard.make_guard("127.0.0.1", None), 2)
        ports: list[int] = []
        limits = demo_connections.ConnectionLimits(in_all, per_address, request_s)
        close = await demo_web.serve(app, ("127.0.0.1", 0), limits, ports.append)
        try:
            yield ports[0]
        finally:
            await close()

    return run


def run(test) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


async def connect(port: int, content: bytes, host: str = "127.0.0.1"):
    """Connect from `host`, any of 127.0.0.0/8, and send `content`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))
    writer.write(content)
    await writer.drain()
    return reader, writer


async def read_to_end(reader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


async def get_status(port: int, content: bytes = GET, host: str = "127.0.0.1") -> int:
    """Send a request and return the status of its response; 0 if there is none."""
    reader, writer = await connect(port, content, host)
    try:
        line = await reader.readline()
    except ConnectionError:
        line = b""
    writer.close()
    return int(line.split()[1]) if line else 0


HALF_REQUESTS = {
    "nothing": b"",
    "half a line": b"GE",
    "half the headers": b"GET / HTTP/1.1\r\nHost: local",
    "headers without an end": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: y\r\n",
    "half a second request": GET + b"GET / HTTP/1.1\r\nHo",
    "no second request": GET,
    "half a body": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx",
    "half a chunk": b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "body of a page": b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
}


@pytest.mark.parametrize("content", HALF_REQUESTS.values(), ids=HALF_REQUESTS)
def test_half_request_ends_at_its_deadline(serve, content):
    async def test():
        async with serve() as port:
            start = time.monotonic()
            reader, writer = await connect(port, content)
            await read_to_end(reader)
            assert time.monotonic() - start < 10 * REQUEST_S
            writer.close()

    run(test())


def test_byte_by_byte_request_ends_at_the_same_deadline(serve):
    async def test():
        async with serve() as port:
            start = time.monotonic()
            reader, writer = await connect(port, b"GET / HTTP/1.1\r\nX: ")
            reading = asyncio.ensure_future(read_to_end(reader))
            while not reading.done() and time.monotonic() - start < 20:
                writer.write(b"y")
                await asyncio.sleep(0.02)
            assert await reading == b"" and REQUEST_S / 2 < time.monotonic() - start < 10 * REQUEST_S
            writer.close()

    run(test())


def test_viewer_has_no_deadline(serve):
    async def test():
        async with serve() as port, aiohttp.ClientSession() as session:
            viewer = await session.ws_connect(f"http://127.0.0.1:{port}/live")
            start = time.monotonic()
            while time.monotonic() - start < 3 * REQUEST_S:
                await viewer.send_str("next")
                assert (await viewer.receive(5)).type is aiohttp.WSMsgType.BINARY
            await viewer.close()

    run(test())


def test_viewer_keeps_its_connection_and_the_page_opens_while_others_hold_half_requests(serve):
    async def test():
        async with serve(in_all=6, per_address=6, request_s=20) as port, aiohttp.ClientSession() as session:
            viewer = await session.ws_connect(f"http://127.0.0.1:{port}/live")
            # More half requests than there are connections, and from more than one address.
            held = [await connect(port, b"GET / HTTP/1.1\r\n", f"127.0.0.{index % 5 + 1}") for index in range(30)]
            assert await get_status(port) == 200
            await viewer.send_str("next")
            assert (await viewer.receive(5)).type is aiohttp.WSMsgType.BINARY
            await viewer.close()
            for _, writer in held:
                writer.close()

    run(test())


def test_address_cannot_displace_the_connections_of_another(serve):
    async def test():
        async with serve(in_all=10, per_address=3, request_s=20) as port:
            reader, writer = await connect(port, b"GET / HTTP/1.1\r\n", "127.0.0.2")
            held = [await connect(port, b"GET / HTTP/1.1\r\n", "127.0.0.3") for _ in range(20)]
            writer.write(b"Host: localhost\r\n\r\n")
            assert b" 200 " in await reader.readline()
            # The oldest of that address were closed, and the newest three remain.
            results = [asyncio.ensure_future(read_to_end(reader)) for reader, _ in held]
            done, _ = await asyncio.wait(results, timeout=0.5)
            assert len(done) == 17 and all(result in done for result in results[:17])
            for _, open_writer in (*held, (reader, writer)):
                open_writer.close()

    run(test())


def test_connection_is_refused_where_viewers_occupy_all(serve):
    async def test():
        async with serve(in_all=2, per_address=2, request_s=20) as port, aiohttp.ClientSession() as session:
            address = f"http://127.0.0.1:{port}/live"
            async with session.ws_connect(address), session.ws_connect(address) as viewer:
                assert await get_status(port) == 0
                await viewer.send_str("next")
                assert (await viewer.receive(5)).type is aiohttp.WSMsgType.BINARY

    run(test())


BAD_REQUESTS = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "unknown version": b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "bad host": b"GET / HTTP/1.1\r\nHost: http://[\r\n\r\n",
    "host of bytes": b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
    "bad origin": b"GET /live HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\n\r\n",
    "bad path": b"GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "path of bytes": b"GET /\xff\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "long line": b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "bad length": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "bad chunk": b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "bad cookie": b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: \xff=;;=\x01\r\n\r\n",
    "no upgrade": b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bad upgrade": b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
    b"Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: x\r\n\r\n",
}


def test_bad_requests_leave_no_traceback_and_few_lines(serve, capfd):
    async def test():
        async with serve() as port:
            for _ in range(5):
                for name, content in BAD_REQUESTS.items():
                    assert await get_status(port, content) in (0, 400, 403, 404, 405, 426), name
            assert await get_status(port) == 200

    run(test())
    err = capfd.readouterr().err
    assert "Traceback" not in err and len(err.splitlines()) <= 10, err


def test_limits_follow_the_viewers_and_the_descriptors(demo_connections, monkeypatch):
    for descriptors, viewers, expected in (
        (1024, 4, (128, 32)),
        (1024, 100, (960, 800)),
        (resource.RLIM_INFINITY, 100, (1600, 800)),
        (100, 4, (36, 32)),
        (10, 4, (2, 2)),
    ):
        monkeypatch.setattr(demo_connections.resource, "getrlimit", lambda _, limit=descriptors: (limit, limit))
        limits = demo_connections.choose_limits(viewers)
        assert (limits.in_all, limits.per_address) == expected


@pytest.mark.parametrize(
    ("host", "group"),
    [
        ("192.168.1.5", "192.168.1.5"),
        ("::ffff:192.168.1.5", "192.168.1.5"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
    ],
)
def test_addresses_of_one_network_count_together(demo_connections, host, group):
    assert demo_connections.group_address(host) == group
