"""demo_web.py with aiohttp's client: who has access, what is served, and that nothing is queued for a viewer."""

import asyncio
import io
import json
import struct
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

TOKEN = "a-token-of-the-house"
LIVE = "/live"


@pytest.fixture(scope="module")
def demo_guard(import_payload):
    return import_payload("demo_guard")


@pytest.fixture(scope="module")
def demo_connections(import_payload):
    return import_payload("demo_connections")


class FakeDemo:
    """A demo without threads, whose prediction the test sets."""

    def __init__(self):
        self.loop = SimpleNamespace(prediction=None)

    def get_state(self, prediction=None):
        return {"number": prediction.number if prediction else 0, "labels": [["ox-eye & co ☼ </script>", 0.5]]}

    def set_prediction(self, number):
        self.loop.prediction = SimpleNamespace(
            number=number, frame=SimpleNamespace(image=Image.new("RGB", (64, 48), "red"))
        )


def run_with_client(app, test):
    async def run():
        async with TestClient(TestServer(app)) as client:
            return await test(client)

    return asyncio.run(asyncio.wait_for(run(), 30))


def make_app(demo_web, demo_guard, viewers=2):
    demo = FakeDemo()
    return demo, demo_web.make_application(demo, demo_guard.make_guard("127.0.0.1", None), viewers)


def parse_message(data: bytes):
    """Return the state and the JPEG of a message."""
    (length,) = struct.unpack_from(">I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_static_files_have_their_type_and_the_security_headers(demo_web, demo_guard):
    async def test(client):
        for path, content_type in (
            ("/", "text/html"),
            ("/demo_page.css", "text/css"),
            ("/demo_page.js", "text/javascript"),
        ):
            response = await client.get(path)
            assert response.status == 200 and response.content_type == content_type
            assert response.headers["Server"] == "edgetl"
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
            assert demo_web.HEADERS.items() <= dict(response.headers).items()
        missing = await client.get("/nothing")
        assert missing.status == 404 and demo_web.HEADERS.items() <= dict(missing.headers).items()

    run_with_client(make_app(demo_web, demo_guard)[1], test)


def test_page_loads_nothing_from_other_servers_and_needs_no_inline_code(demo_web):
    for name, _ in demo_web.STATIC_FILES.values():
        text = (demo_web.HERE / name).read_text(encoding="utf-8")
        assert "http://" not in text and "https://" not in text and "url(" not in text and "@import" not in text
        assert "innerHTML" not in text and "style=" not in text and "onclick" not in text
    page = (demo_web.HERE / "demo_page.html").read_text(encoding="utf-8")
    assert 'name="viewport" content="width=device-width' in page
    assert "prefers-color-scheme: dark" in (demo_web.HERE / "demo_page.css").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    ["/model.json", "/demo.py", "/../model.json", "/%2e%2e/model.json", "/demo_page.css/../demo.py", "//etc/passwd",
     "/demo_page.css%2f..%2fdemo.py", "/live/../demo.py", "/..%5cdemo.py", "/demo_page.js%00"],
)  # fmt: skip
def test_no_request_opens_a_file(demo_web, demo_guard, path, monkeypatch):
    _, app = make_app(demo_web, demo_guard)

    def fail(*_, **__):
        raise AssertionError("a request opened a file")

    async def test(client):
        monkeypatch.setattr("pathlib.Path.open", fail)
        monkeypatch.setattr("builtins.open", fail)
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        response = await reader.read()
        writer.close()
        await writer.wait_closed()
        status_line = response.splitlines()[0]
        assert b" 404 " in status_line or b" 400 " in status_line, response[:200]
        assert b"import" not in response and b"root:" not in response

    run_with_client(app, test)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_than_get_are_refused(demo_web, demo_guard, method):
    async def test(client):
        for path in ("/", LIVE, "/nothing"):
            assert (await client.request(method, path, data=b"x" * 100)).status in (404, 405)

    run_with_client(make_app(demo_web, demo_guard)[1], test)


def test_token_in_the_address_becomes_a_cookie(demo_web, demo_guard):
    app = demo_web.make_application(FakeDemo(), demo_guard.make_guard("0.0.0.0", TOKEN), 2)

    async def test(client):
        for path in ("/", "/demo_page.js", LIVE, "/?token=wrong", f"/demo_page.js?token={TOKEN}", "/nothing"):
            response = await client.get(path, allow_redirects=False)
            assert response.status == 401 and TOKEN not in await response.text(), path
        response = await client.get(f"/?token={TOKEN}", allow_redirects=False)
        assert response.status == 303 and response.headers["Location"] == "/"
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith(f"edgetl_demo={TOKEN};") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
        with_cookie = {"Cookie": f"edgetl_demo={TOKEN}"}
        assert (await client.get("/", headers=with_cookie)).status == 200
        assert (await client.get("/demo_page.js", headers=with_cookie)).status == 200
        assert (await client.get("/", headers={"Cookie": "edgetl_demo=wrong"})).status == 401
        async with client.ws_connect(LIVE, headers=with_cookie) as viewer:
            await viewer.send_str("next")
            assert parse_message((await viewer.receive(5)).data)[0]["number"] == 0

    async def run():
        async with TestClient(TestServer(app), cookie_jar=aiohttp.DummyCookieJar()) as client:
            await test(client)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_requests_of_other_sites_are_refused(demo_web, demo_guard):
    async def test(client):
        assert (await client.get("/", headers={"Host": "evil.example"})).status == 403
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{client.port + 1}"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await client.ws_connect(LIVE, origin=origin)
            assert caught.value.status == 403
        async with client.ws_connect(LIVE, origin=f"http://127.0.0.1:{client.port}"):
            pass

    run_with_client(make_app(demo_web, demo_guard)[1], test)


def test_viewer_gets_state_and_frame_together_once_per_request(demo_web, demo_guard):
    demo, app = make_app(demo_web, demo_guard)
    demo.set_prediction(1)

    async def test(client):
        async with client.ws_connect(LIVE) as viewer:
            await viewer.send_str("next")
            state, jpeg = parse_message((await viewer.receive(5)).data)
            assert state["number"] == 1 and state["labels"][0][0] == "ox-eye & co ☼ </script>"
            assert Image.open(io.BytesIO(jpeg)).size == (64, 48)
            for number in range(2, 50):
                demo.set_prediction(number)
                await asyncio.sleep(0.005)
            with pytest.raises(asyncio.TimeoutError):
                await viewer.receive(0.2)
        async with client.ws_connect(LIVE) as viewer:
            await viewer.send_str("next")
            assert parse_message((await viewer.receive(5)).data)[0]["number"] == 49

    run_with_client(app, test)


def test_viewer_gets_the_state_alone_if_there_is_no_new_frame(demo_web, demo_guard):
    demo, app = make_app(demo_web, demo_guard)
    demo.set_prediction(7)

    async def test(client):
        async with client.ws_connect(LIVE) as viewer:
            await viewer.send_str("next")
            await viewer.receive(5)
            await viewer.send_str("next")
            state, jpeg = parse_message((await viewer.receive(5)).data)
            assert state["number"] == 0 and jpeg == b""

    run_with_client(app, test)


def test_frame_is_encoded_once_for_all_viewers(demo_web, demo_guard, monkeypatch):
    demo, app = make_app(demo_web, demo_guard, viewers=4)
    demo.set_prediction(1)
    encoded = []
    encode_jpeg = demo_web.encode_jpeg
    monkeypatch.setattr(demo_web, "encode_jpeg", lambda image: encoded.append(image) or encode_jpeg(image))

    async def test(client):
        viewers = [await client.ws_connect(LIVE) for _ in range(4)]
        for viewer in viewers:
            await viewer.send_str("next")
        assert len({parse_message((await viewer.receive(5)).data)[1] for viewer in viewers}) == 1
        assert len(encoded) == 1

    run_with_client(app, test)


def test_viewer_beyond_the_limit_is_refused_until_another_leaves(demo_web, demo_guard):
    demo, app = make_app(demo_web, demo_guard, viewers=2)
    demo.set_prediction(1)

    async def test(client):
        first, second = await client.ws_connect(LIVE), await client.ws_connect(LIVE)
        third = await client.ws_connect(LIVE)
        assert (await third.receive(5)).data == demo_web.TOO_MANY_VIEWERS == 4001
        await first.close()
        for _ in range(100):
            fourth = await client.ws_connect(LIVE)
            await fourth.send_str("next")
            if (await fourth.receive(5)).type is aiohttp.WSMsgType.BINARY:
                break
        else:
            pytest.fail("the fourth viewer was never accepted")
        await second.send_str("next")
        assert (await second.receive(5)).type is aiohttp.WSMsgType.BINARY

    run_with_client(app, test)


@pytest.mark.parametrize("message", [b"bytes", "x" * 10_000], ids=["bytes", "long"])
def test_viewer_that_sends_anything_else_is_disconnected(demo_web, demo_guard, message):
    demo, app = make_app(demo_web, demo_guard)
    demo.set_prediction(1)

    async def test(client):
        async with client.ws_connect(LIVE) as viewer:
            await (viewer.send_bytes(message) if isinstance(message, bytes) else viewer.send_str(message))
            assert (await viewer.receive(5)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    run_with_client(app, test)


def test_idle_viewer_is_disconnected_for_the_next_one(demo_web, demo_guard, monkeypatch):
    monkeypatch.setattr(demo_web, "IDLE_TIMEOUT_S", 0.1)
    _, app = make_app(demo_web, demo_guard, viewers=1)

    async def test(client):
        first = await client.ws_connect(LIVE)
        assert (await first.receive(5)).type is aiohttp.WSMsgType.CLOSE
        second = await client.ws_connect(LIVE)
        await second.send_str("next")
        assert (await second.receive(5)).type is aiohttp.WSMsgType.BINARY

    run_with_client(app, test)


def test_jpeg_is_at_most_as_large_as_the_view(demo_web):
    for size, expected in (((4000, 3000), (640, 480)), ((300, 900), (213, 640)), ((64, 48), (64, 48))):
        assert Image.open(io.BytesIO(demo_web.encode_jpeg(Image.new("RGB", size)))).size == expected


def test_used_port_is_an_error_and_a_free_one_is_reported(demo_web, demo_guard, demo_connections):
    async def run():
        ports: list[int] = []
        limits = demo_connections.choose_limits(2)
        close = await demo_web.serve(make_app(demo_web, demo_guard)[1], ("127.0.0.1", 0), limits, ports.append)
        with pytest.raises(OSError):
            await demo_web.serve(make_app(demo_web, demo_guard)[1], ("127.0.0.1", ports[0]), limits, ports.append)
        await close()
        assert len(ports) == 1 and ports[0] > 0

    asyncio.run(run())
