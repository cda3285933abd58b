"""The page of the browser target in headless Chromium: photos, camera, offline, and nothing that leaves the machine."""

import asyncio
import hashlib
import json
import shutil
import socket
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from PIL import Image

from edgetl.core.device.browser import runtime_files
from edgetl.core.device.browser.npm_packages import LITERT_THREADS
from tests.fixtures.browser import CHROMIUM, FilePage, start_browser
from tests.fixtures.payload import import_program

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")

# Tests have a cache of their own, set after this line is run.
THREADS = runtime_files.locate_runtime(LITERT_THREADS)
# Colours and their answers: see `ANSWERS` of test_demo_page.py.
PHOTOS = {"red": (250, 10, 10), "yellow": (200, 200, 0), "grey": (128, 128, 128)}
HOSTILE = '<img src=x onerror="document.title=1">\u202e'


@contextmanager
def serve_bundle(folder):
    """Serve a bundle with its own serve.py; yield the address."""
    server = import_program("browser/serve.py").make_server(folder, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def watch_network():
    """A proxy that counts its connections; the browser connects to this machine without it."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connections.append(connection.recv(200))
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield f"--proxy-server=127.0.0.1:{listener.getsockname()[1]}", connections


def read_threads():
    """Return the files of the variant with threads, from the cache of the user; the test is skipped without them."""
    if not (THREADS / runtime_files.DIGESTS).is_file():
        pytest.skip("the runtime with threads is not on this machine: edgetl fetch browser-threads")
    return {name: (THREADS / name).read_bytes() for package in LITERT_THREADS for name in package.files.values()}


class Page(FilePage):
    """The page of a bundle."""

    async def wait_until(self, expression, timeout_s=20.0):
        deadline = time.monotonic() + timeout_s
        while not await self.evaluate(expression):
            assert time.monotonic() < deadline, (
                expression,
                await self.evaluate("document.body.innerText"),
                self.errors,
            )
            await asyncio.sleep(0.05)

    async def open(self, address):
        await self.call("Page.navigate", url=address)
        await self.wait_until("document.documentElement?.dataset.ready === 'yes'")

    async def choose_photo(self, path: Path):
        root = (await self.call("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.call("DOM.querySelector", nodeId=root, selector="#file"))["nodeId"]
        await self.evaluate("document.getElementById('answer').className = 'waiting'")
        await self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])
        await self.wait_until("document.getElementById('answer').className !== 'waiting'")

    async def read_text(self, name):
        return await self.evaluate(f"document.getElementById('{name}').innerText")


@asynccontextmanager
async def open_page(profile, *flags):
    async with start_browser(profile, *flags) as connection:
        page = Page(connection)
        for domain in ("Runtime", "Log", "Page", "Network", "DOM"):
            await page.call(f"{domain}.enable")
        yield page


def run(check, timeout_s=180):
    asyncio.run(asyncio.wait_for(check, timeout_s))


def write_photos(folder):
    for name, colour in PHOTOS.items():
        Image.new("RGB", (64, 48), colour).save(folder / f"{name}.png")


def test_page_answers_photos_and_sends_nothing(browser_bundle, tmp_path):
    """A label, unsure, and none of these; on a phone and a desktop, in light and dark mode, with no error."""
    write_photos(tmp_path)

    async def check(address, flag, connections):
        async with open_page(tmp_path / "profile", flag) as page:
            await page.resize(390, "light")
            await page.open(address)
            for name, kind, text in (
                ("red", "label", "red"),
                ("yellow", "unsure", "unsure: red or green"),
                ("grey", "none", "none of these"),
            ):
                await page.choose_photo(tmp_path / f"{name}.png")
                assert await page.evaluate("document.getElementById('answer').className") == kind, name
                assert await page.read_text("best") == text
                assert await page.evaluate("document.scrollingElement.scrollWidth") <= 390
                await page.save_screenshot(f"browser-phone-{name}")
            bars = await page.evaluate("[...document.querySelectorAll('#labels .name')].map((name) => name.innerText)")
            assert set(bars) == {"red", "green", "blue"}
            await page.resize(1440, "dark")
            await page.save_screenshot("browser-desktop-dark")
            assert "relaxed" in await page.read_text("runtime") and "XNNPACK" in await page.read_text("runtime")
            # A text is no photo, and the page says so.
            (tmp_path / "text.jpg").write_text("no photo")
            await page.call("Runtime.evaluate", expression="document.getElementById('message').textContent = ''")
            await page.evaluate("document.getElementById('answer').className = 'waiting'")
            root = (await page.call("DOM.getDocument"))["root"]["nodeId"]
            node = (await page.call("DOM.querySelector", nodeId=root, selector="#file"))["nodeId"]
            await page.call("DOM.setFileInputFiles", nodeId=node, files=[str(tmp_path / "text.jpg")])
            await page.wait_until("!document.getElementById('message').hidden")
            assert "not a photo" in await page.read_text("message")
            assert page.errors == []
            assert all(request.startswith((address, "blob:")) for request in page.requests)
            # Chromium itself asks servers of its maker for the time and for updates. A connection without a
            # request is an empty line.
            assert [line for line in connections if line and b".google" not in line] == []

    with serve_bundle(browser_bundle) as address, watch_network() as (flag, connections):
        run(check(address, flag, connections))


@pytest.mark.slow
def test_page_works_offline_once_it_has_been_opened(browser_bundle, tmp_path):
    write_photos(tmp_path)

    async def check(server):
        async with open_page(tmp_path / "profile") as page:
            with server as address:
                await page.open(address)
                await page.wait_until("document.getElementById('offline').innerText !== ''")
            # The server is gone.
            await page.open(address)
            await page.choose_photo(tmp_path / "red.png")
            assert await page.read_text("best") == "red"

    run(check(serve_bundle(browser_bundle)))


def write_video(path, colour):
    """Write a video of one colour, which Chromium takes for its camera."""
    luma, *chroma = Image.new("RGB", (1, 1), colour).convert("YCbCr").getpixel((0, 0))
    frame = bytes([luma]) * (320 * 240) + b"".join(bytes([value]) * (160 * 120) for value in chroma)
    path.write_bytes(b"YUV4MPEG2 W320 H240 F15:1 Ip A1:1 C420jpeg\n" + (b"FRAME\n" + frame) * 4)


@pytest.mark.slow
def test_camera_is_classified_and_the_keyboard_starts_and_ends_it(browser_bundle, tmp_path):
    write_video(tmp_path / "red.y4m", PHOTOS["red"])
    flags = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    flags += (f"--use-file-for-fake-video-capture={tmp_path / 'red.y4m'}",)

    async def press(page, key):
        for kind in ("keyDown", "keyUp"):
            await page.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" else "")

    async def check(address):
        async with open_page(tmp_path / "profile", *flags) as page:
            await page.open(address)
            await press(page, "c")
            await page.wait_until("document.getElementById('best').innerText === 'red'")
            await page.wait_until("parseFloat(document.getElementById('rate').innerText) > 1")
            await press(page, "c")
            await page.wait_until("document.getElementById('video').srcObject === null")
            assert page.errors == []

    with serve_bundle(browser_bundle) as address:
        run(check(address))


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["relaxed", "compat"])
def test_self_check_passes_on_both_variants(browser_bundle, tmp_path, variant):
    async def check(address):
        async with open_page(tmp_path / "profile") as page:
            await page.call("Page.navigate", url=f"{address}selfcheck.html?variant={variant}")
            await page.wait_until("document.documentElement?.dataset.result !== undefined")
            rows = await page.evaluate("[...document.querySelectorAll('#checks tr')].map((row) => row.innerText)")
            assert await page.read_text("result") == "This browser computes what the build computed.", rows
            assert len(rows) == 5 and variant in rows[-1]
            assert page.errors == []

    with serve_bundle(browser_bundle) as address:
        run(check(address))


@pytest.mark.slow
def test_threads_run_where_the_server_sends_the_headers(browser_bundle, tmp_path, monkeypatch):
    files = read_threads()
    folder = Path(shutil.copytree(browser_bundle, tmp_path / "bundle"))
    with (folder / "SHA256SUMS").open("a") as sums:
        for name, content in files.items():
            (folder / name).write_bytes(content)
            sums.write(f"{hashlib.sha256(content).hexdigest()}  {name}\n")

    async def check(address, variant):
        async with open_page(tmp_path / variant) as page:
            await page.call("Page.navigate", url=f"{address}selfcheck.html")
            await page.wait_until("document.documentElement?.dataset.result !== undefined", 60)
            rows = await page.evaluate("[...document.querySelectorAll('#checks tr')].map((row) => row.innerText)")
            assert await page.read_text("result") == "This browser computes what the build computed.", rows
            assert variant in rows[-1] and page.errors == []

    with serve_bundle(folder) as address:
        run(check(address, "threaded"))
    # Most servers do not send them.
    program = import_program("browser/serve.py")
    monkeypatch.delitem(program.HEADERS, "Cross-Origin-Embedder-Policy")
    monkeypatch.setattr("tests.targets.test_browser_page.import_program", lambda _: program)
    with serve_bundle(folder) as address:
        run(check(address, "relaxed"))


def test_browser_without_vectors_is_too_old_in_both_languages(browser_bundle, tmp_path):
    async def check(address):
        async with open_page(tmp_path / "profile") as page:
            await page.call("Page.addScriptToEvaluateOnNewDocument", source="WebAssembly.validate = () => false")
            for language, text in (("en", "too old"), ("de", "zu alt")):
                await page.call("Page.navigate", url=f"{address}?lang={language}")
                await page.wait_until(f"document.getElementById('message')?.innerText.includes('{text}')")
            assert await page.evaluate("document.getElementById('camera').disabled")
            assert page.errors == []

    with serve_bundle(browser_bundle) as address:
        run(check(address))


@pytest.mark.slow
def test_self_check_finds_a_changed_file(browser_bundle, tmp_path):
    folder = Path(shutil.copytree(browser_bundle, tmp_path / "bundle"))
    (folder / "labels.txt").write_text("other\n")

    async def check(address):
        async with open_page(tmp_path / "profile") as page:
            await page.call("Page.navigate", url=f"{address}selfcheck.html")
            await page.wait_until("document.documentElement?.dataset.result !== undefined")
            assert "does not compute" in await page.read_text("result")
            assert "labels.txt changed" in await page.read_text("checks")

    with serve_bundle(folder) as address:
        run(check(address))


@pytest.mark.slow
def test_label_with_markup_is_text(browser_bundle, tmp_path):
    folder = Path(shutil.copytree(browser_bundle, tmp_path / "bundle"))
    facts = json.loads((folder / "model.json").read_text())
    similarities = facts["answers"]["least_similarities"]
    similarities[HOSTILE] = similarities.pop("red")
    facts["output"]["labels"][0] = HOSTILE
    (folder / "model.json").write_text(json.dumps(facts))
    write_photos(tmp_path)

    async def check(address):
        async with open_page(tmp_path / "profile") as page:
            await page.open(address)
            await page.choose_photo(tmp_path / "red.png")
            assert await page.read_text("best") == HOSTILE.replace("\u202e", "\\u{202e}")
            assert await page.evaluate("document.title") == "edgetl"
            assert await page.evaluate("document.querySelectorAll('main img, h1 img').length") == 0
            assert page.errors == []

    with serve_bundle(folder) as address:
        run(check(address))


@pytest.mark.slow
def test_memory_does_not_grow_in_two_thousand_predictions(browser_bundle, tmp_path):
    program = """
(async () => {
  const { ModelClient } = await import("./client.js");
  const client = new ModelClient();
  const { facts } = await client.load();
  const bytes = new Uint8Array(await (await fetch(facts.golden[0])).arrayBuffer());
  const sizes = [];
  for (let count = 0; count < 2000; count += 1) {
    await client.photo(bytes);
    if (count % 500 === 99) sizes.push(await client.memory());
  }
  document.title = JSON.stringify(sizes);
})();
"""

    async def check(address):
        async with open_page(tmp_path / "profile") as page:
            await page.open(address)
            await page.evaluate(program)
            await page.wait_until("document.title.startsWith('[')", 170)
            sizes = json.loads(await page.evaluate("document.title"))
            assert len(sizes) == 4 and len(set(sizes)) == 1

    with serve_bundle(browser_bundle) as address:
        run(check(address))
