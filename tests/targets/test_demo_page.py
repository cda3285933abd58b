"""The demo's page in headless Chromium, driven over its DevTools: what a person sees, with a camera and without."""

import asyncio
import itertools
import os
import shutil
import subprocess
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: apt install chromium")


@contextmanager
def served(device, bundle, *arguments):
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(device.python), str(bundle / "demo.py"), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/", env=environment) as child:
        try:
            yield child, child.stdout.readline().split()[1]
            assert child.wait(15) == 0
        finally:
            child.kill()


class Page:
    """A page in a browser. `troubles` holds errors of its scripts, and what its policy refused."""

    def __init__(self, socket):
        self._socket, self._numbers = socket, itertools.count(1)
        self.troubles: list[str] = []

    async def call(self, method, **parameters):
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            told = await self._socket.receive_json(timeout=30)
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]
            entry = told.get("params", {}).get("entry", {})
            if told["method"] == "Runtime.exceptionThrown" or entry.get("level") == "error":
                self.troubles.append(str(told["params"]))

    async def value(self, expression):
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def text(self, name):
        return await self.value(f"document.getElementById('{name}').innerText")

    async def until(self, expression, limit_s=20.0):
        end = time.monotonic() + limit_s
        while not await self.value(expression):
            assert time.monotonic() < end, f"{expression} never held: {await self.value('document.body.innerText')}"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def browsed(address, profile: Path):
    """A page that shows an address, in a browser of its own."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            told = profile / "DevToolsActivePort"
            end = time.monotonic() + 60
            while not told.exists() or len(told.read_text(encoding="ascii").splitlines()) < 2:
                assert time.monotonic() < end and browser.poll() is None, "the browser does not start"
                await asyncio.sleep(0.05)
            port = told.read_text(encoding="ascii").splitlines()[0]
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = [page for page in await answer.json() if page["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    for domain in ("Runtime", "Log", "Page"):
                        await page.call(f"{domain}.enable")
                    await page.call("Page.navigate", url=address)
                    await page.until("document.getElementById('best') !== null")
                    yield page
        finally:
            browser.terminate()
            browser.wait(20)


def photo(path: Path, colour) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (160, 120), colour).save(path)


def test_what_is_seen_with_a_camera_without_one_and_with_it_again(demo_bundle, demo_device, tmp_path):
    photo(tmp_path / "photos" / "a.png", (240, 20, 20))

    async def look(address, child):
        async with browsed(address, tmp_path / "profile") as page:
            # The label of a known photo, its bar, and a picture of it.
            await page.until("document.getElementById('best').innerText === 'red'")
            await page.until("parseFloat(document.querySelector('.fill').style.width) > 90")
            names = await page.value("[...document.querySelectorAll('#labels .name')].map((name) => name.innerText)")
            assert names[0] == "red" and set(names) == {"red", "green", "blue"}
            middle = "document.getElementById('picture').getContext('2d').getImageData(80, 60, 1, 1).data"
            red, green, blue, _ = await page.value(f"Array.from({middle})")
            assert red > 200 and green < 60 and blue < 60
            # Numbers move.
            await page.until("parseFloat(document.getElementById('rate').innerText) > 5")
            seen = set()
            # Rounded to a tenth, a quick machine's delays are often alike: there is time for more than five of them.
            for _ in range(400):
                seen.add((await page.text("delay"), await page.text("rate")))
                if len(seen) > 5:
                    break
                await asyncio.sleep(0.05)
            assert len(seen) > 5 and all(delay.endswith(" ms") for delay, _ in seen)
            split = (await page.text("latency")).split()
            assert [split[index] for index in (0, 3, 6, 9)] == ["capture", "preprocess", "invoke", "postprocess"]
            # The camera is pulled.
            assert await page.value("document.getElementById('message').hidden")
            (tmp_path / "photos").rename(tmp_path / "pulled")
            await page.until("!document.getElementById('message').hidden", 5)
            said = await page.text("message")
            assert said.startswith("No picture: the folder ") and "No such file or directory" in said
            assert await page.text("best") == "…"
            # And plugged in again, before another scene.
            photo(tmp_path / "photos" / "b.png", (20, 20, 240))
            await page.until("document.getElementById('best').innerText === 'blue'")
            assert await page.value("document.getElementById('message').hidden")
            # It fits a phone, and nothing went wrong unseen.
            await page.call("Emulation.setDeviceMetricsOverride", **PHONE)
            assert await page.value("document.scrollingElement.scrollWidth") <= PHONE["width"]
            assert page.troubles == []
            # The board goes away.
            child.terminate()
            await page.until("document.getElementById('message').innerText.startsWith('No connection')", 5)

    with served(demo_device, demo_bundle, "--source", tmp_path / "photos", "--port", "0") as (child, address):
        asyncio.run(asyncio.wait_for(look(address, child), 120))


def test_the_token_vanishes_from_the_address_and_is_kept(demo_bundle, demo_device, tmp_path):
    photo(tmp_path / "photos" / "a.png", (20, 240, 20))

    async def look(address):
        assert "?token=" in address
        own = f"http://127.0.0.1:{address.rpartition(':')[2]}"
        async with browsed(own, tmp_path / "profile") as page:
            await page.until("document.getElementById('best').innerText === 'green'")
            assert await page.value("location.pathname + location.search") == "/"
            assert await page.value("document.cookie") == ""
            await page.call("Page.reload")
            await page.until("document.getElementById('best') !== null")
            await page.until("document.getElementById('best').innerText === 'green'")
            assert page.troubles == []

    arguments = ("--source", tmp_path / "photos", "--port", "0", "--host", "0.0.0.0")
    with served(demo_device, demo_bundle, *arguments) as (child, address):
        asyncio.run(asyncio.wait_for(look(address), 120))
        child.terminate()
