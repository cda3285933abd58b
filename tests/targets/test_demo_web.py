"""demo_web.py through aiohttp's own client: who is let in, what is answered, and that nothing queues up."""

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
def webs(demo):
    return demo("demo_web")


@pytest.fixture(scope="module")
def guards(demo):
    return demo("demo_guard")


class Demo:
    """A demo without threads: the test sets its answer."""

    def __init__(self):
        self.loop = SimpleNamespace(answer=None)

    def state(self, answer=None):
        return {"number": answer.number if answer else 0, "labels": [["ox-eye & co ☼ </script>", 0.5]]}

    def look(self, number, size=(64, 48), colour="red"):
        self.loop.answer = SimpleNamespace(number=number, image=Image.new("RGB", size, colour))


def with_client(app, test):
    async def run():
        async with TestClient(TestServer(app)) as client:
            return await test(client)

    return asyncio.run(asyncio.wait_for(run(), 30))


def open_app(webs, guards, viewers=2):
    demo = Demo()
    return demo, webs.application(demo, guards.made("127.0.0.1", None), viewers)


def told(data: bytes):
    (length,) = struct.unpack_from(">I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_the_page_and_its_headers(webs, guards):
    async def test(client):
        for path, kind in (("/", "text/html"), ("/demo_page.css", "text/css"), ("/demo_page.js", "text/javascript")):
            answer = await client.get(path)
            assert answer.status == 200 and answer.content_type == kind
            assert answer.headers["Server"] == "edgetl"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
            assert webs.HEADERS.items() <= dict(answer.headers).items()
        missing = await client.get("/nothing")
        assert missing.status == 404 and webs.HEADERS.items() <= dict(missing.headers).items()

    with_client(open_app(webs, guards)[1], test)


def test_the_page_needs_nothing_from_elsewhere(webs):
    for name, _ in webs.PAGE.values():
        text = (webs.HERE / name).read_text(encoding="utf-8")
        assert "http://" not in text and "https://" not in text and "url(" not in text and "@import" not in text
        assert "innerHTML" not in text and "style=" not in text and "onclick" not in text
    page = (webs.HERE / "demo_page.html").read_text(encoding="utf-8")
    assert 'name="viewport" content="width=device-width' in page
    assert "prefers-color-scheme: dark" in (webs.HERE / "demo_page.css").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    ["/model.json", "/demo.py", "/../model.json", "/%2e%2e/model.json", "/demo_page.css/../demo.py", "//etc/passwd",
     "/demo_page.css%2f..%2fdemo.py", "/live/../demo.py", "/..%5cdemo.py", "/demo_page.js%00"],
)  # fmt: skip
def test_no_path_reaches_the_file_system(webs, guards, path, monkeypatch):
    _, app = open_app(webs, guards)

    def opened(*_, **__):
        raise AssertionError("a request opened a file")

    async def test(client):
        monkeypatch.setattr("pathlib.Path.open", opened)
        monkeypatch.setattr("builtins.open", opened)
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert b" 404 " in answer.splitlines()[0] or b" 400 " in answer.splitlines()[0], answer[:200]
        assert b"import" not in answer and b"root:" not in answer

    with_client(app, test)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_there_is_nothing_to_send(webs, guards, method):
    async def test(client):
        for path in ("/", LIVE, "/nothing"):
            assert (await client.request(method, path, data=b"x" * 100)).status in (404, 405)

    with_client(open_app(webs, guards)[1], test)


def test_the_token_lets_in_once_and_becomes_a_cookie(webs, guards):
    app = webs.application(Demo(), guards.made("0.0.0.0", TOKEN), 2)

    async def test(client):
        for path in ("/", "/demo_page.js", LIVE, "/?token=wrong", f"/demo_page.js?token={TOKEN}", "/nothing"):
            answer = await client.get(path, allow_redirects=False)
            assert answer.status == 401 and TOKEN not in await answer.text(), path
        answer = await client.get(f"/?token={TOKEN}", allow_redirects=False)
        assert answer.status == 303 and answer.headers["Location"] == "/"
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith(f"edgetl_demo={TOKEN};") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
        kept = {"Cookie": f"edgetl_demo={TOKEN}"}
        assert (await client.get("/", headers=kept)).status == 200
        assert (await client.get("/demo_page.js", headers=kept)).status == 200
        assert (await client.get("/", headers={"Cookie": "edgetl_demo=wrong"})).status == 401
        async with client.ws_connect(LIVE, headers=kept) as viewer:
            await viewer.send_str("next")
            assert told((await viewer.receive(5)).data)[0]["number"] == 0

    async def run():
        async with TestClient(TestServer(app), cookie_jar=aiohttp.DummyCookieJar()) as client:
            await test(client)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_other_sites_are_turned_away(webs, guards):
    async def test(client):
        assert (await client.get("/", headers={"Host": "evil.example"})).status == 403
        for origin in ("http://evil.example", "null", f"http://127.0.0.1:{client.port + 1}"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(LIVE, origin=origin)
            assert refused.value.status == 403
        async with client.ws_connect(LIVE, origin=f"http://127.0.0.1:{client.port}"):
            pass

    with_client(open_app(webs, guards)[1], test)


def test_a_viewer_gets_label_and_picture_together_and_only_what_it_asks_for(webs, guards):
    demo, app = open_app(webs, guards)
    demo.look(1)

    async def test(client):
        async with client.ws_connect(LIVE) as viewer:
            await viewer.send_str("next")
            state, jpeg = told((await viewer.receive(5)).data)
            assert state["number"] == 1 and state["labels"][0][0] == "ox-eye & co ☼ </script>"
            assert Image.open(io.BytesIO(jpeg)).size == (64, 48)
            for number in range(2, 50):
                demo.look(number)
                await asyncio.sleep(0.005)
            with pytest.raises(asyncio.TimeoutError):
                await viewer.receive(0.2)
        async with client.ws_connect(LIVE) as viewer:
            await viewer.send_str("next")
            assert told((await viewer.receive(5)).data)[0]["number"] == 49

    with_client(app, test)


def test_without_a_new_picture_there_is_news_all_the_same(webs, guards):
    demo, app = open_app(webs, guards)
    demo.look(7)

    async def test(client):
        async with client.ws_connect(LIVE) as viewer:
            await viewer.send_str("next")
            await viewer.receive(5)
            await viewer.send_str("next")
            state, jpeg = told((await viewer.receive(5)).data)
            assert state["number"] == 0 and jpeg == b""

    with_client(app, test)


def test_a_picture_is_encoded_once_for_all(webs, guards, monkeypatch):
    demo, app = open_app(webs, guards, viewers=4)
    demo.look(1)
    made = []
    real = webs.jpeg
    monkeypatch.setattr(webs, "jpeg", lambda image: made.append(image) or real(image))

    async def test(client):
        viewers = [await client.ws_connect(LIVE) for _ in range(4)]
        for viewer in viewers:
            await viewer.send_str("next")
        assert len({told((await viewer.receive(5)).data)[1] for viewer in viewers}) == 1
        assert len(made) == 1

    with_client(app, test)


def test_too_many_viewers(webs, guards):
    demo, app = open_app(webs, guards, viewers=2)
    demo.look(1)

    async def test(client):
        first, second = await client.ws_connect(LIVE), await client.ws_connect(LIVE)
        third = await client.ws_connect(LIVE)
        assert (await third.receive(5)).data == webs.FULL == 4001
        await first.close()
        for _ in range(100):
            fourth = await client.ws_connect(LIVE)
            await fourth.send_str("next")
            if (await fourth.receive(5)).type is aiohttp.WSMsgType.BINARY:
                break
        else:
            pytest.fail("the place was not given on")
        await second.send_str("next")
        assert (await second.receive(5)).type is aiohttp.WSMsgType.BINARY

    with_client(app, test)


@pytest.mark.parametrize("sent", [b"bytes", "x" * 10_000])
def test_a_viewer_that_sends_anything_else_is_sent_away(webs, guards, sent):
    demo, app = open_app(webs, guards)
    demo.look(1)

    async def test(client):
        async with client.ws_connect(LIVE) as viewer:
            await (viewer.send_bytes(sent) if isinstance(sent, bytes) else viewer.send_str(sent))
            assert (await viewer.receive(5)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    with_client(app, test)


def test_a_quiet_viewer_makes_room(webs, guards, monkeypatch):
    monkeypatch.setattr(webs, "QUIET_S", 0.1)
    _, app = open_app(webs, guards, viewers=1)

    async def test(client):
        first = await client.ws_connect(LIVE)
        assert (await first.receive(5)).type is aiohttp.WSMsgType.CLOSE
        second = await client.ws_connect(LIVE)
        await second.send_str("next")
        assert (await second.receive(5)).type is aiohttp.WSMsgType.BINARY

    with_client(app, test)


def test_pictures_for_the_page_are_small(webs):
    for size, expected in (((4000, 3000), (640, 480)), ((300, 900), (213, 640)), ((64, 48), (64, 48))):
        assert Image.open(io.BytesIO(webs.jpeg(Image.new("RGB", size)))).size == expected


def test_the_port_is_told_and_a_taken_one_is_an_error(webs, guards):
    async def run():
        ports: list[int] = []
        end = await webs.serve(open_app(webs, guards)[1], "127.0.0.1", 0, ports.append)
        with pytest.raises(OSError):
            await webs.serve(open_app(webs, guards)[1], "127.0.0.1", ports[0], ports.append)
        await end()
        assert len(ports) == 1 and ports[0] > 0

    asyncio.run(run())
