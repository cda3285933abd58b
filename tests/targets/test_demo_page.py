"""The page of the demo in headless Chromium, controlled over the DevTools protocol, with and without a camera."""

import asyncio
import base64
import itertools
import os
import subprocess
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.fixtures.browser import CHROMIUM, start_browser

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt install chromium")


@contextmanager
def run_demo(device, bundle, *arguments):
    """Run the demo; yields the process and the address that it prints."""
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(device.python), str(bundle / "demo.py"), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/", env=environment) as child:
        try:
            yield child, child.stdout.readline().split()[1]
            assert child.wait(30) == 0
        finally:
            child.kill()


class Page:
    """A page in a browser. `errors` contains exceptions of its scripts and violations of its security policy."""

    def __init__(self, socket):
        self._socket, self._numbers = socket, itertools.count(1)
        self.errors: list[str] = []

    async def call(self, method, **parameters):
        """Call a method of the DevTools protocol and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            entry = message.get("params", {}).get("entry", {})
            if message["method"] == "Runtime.exceptionThrown" or entry.get("level") == "error":
                self.errors.append(str(message["params"]))

    async def evaluate(self, expression):
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def read_text(self, name):
        return await self.evaluate(f"document.getElementById('{name}').innerText")

    async def wait_until(self, expression, timeout_s=30.0):
        deadline = time.monotonic() + timeout_s
        while not await self.evaluate(expression):
            text = await self.evaluate("document.body.innerText")
            assert time.monotonic() < deadline, f"{expression} did not become true: {text}"
            await asyncio.sleep(0.05)


@asynccontextmanager
async def open_page(address, profile: Path):
    """Open an address in a new browser."""
    async with start_browser(profile, "--disable-quic") as socket:
        page = Page(socket)
        for domain in ("Runtime", "Log", "Page"):
            await page.call(f"{domain}.enable")
        await page.call("Page.navigate", url=address)
        await page.wait_until("document.getElementById('best') !== null")
        yield page


async def save_screenshot(page, name):
    """Save a picture of the page into the folder $EDGETL_SCREENSHOTS, for a person to look at."""
    if folder := os.environ.get("EDGETL_SCREENSHOTS"):
        picture = await page.call("Page.captureScreenshot", format="png")
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(picture["data"]))


def write_photo(path: Path, colour) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (160, 120), colour).save(path)


def test_page_shows_labels_and_frames_and_why_there_are_none(demo_bundle, demo_device, tmp_path):
    write_photo(tmp_path / "photos" / "a.png", (240, 20, 20))

    async def check_page(address, child):
        async with open_page(address, tmp_path / "profile") as page:
            # The label of a known photo, its bar, and its frame.
            await page.wait_until("document.getElementById('best').innerText === 'red'")
            await page.wait_until("parseFloat(document.querySelector('.fill').style.width) > 90")
            names = await page.evaluate("[...document.querySelectorAll('#labels .name')].map((name) => name.innerText)")
            assert names[0] == "red" and set(names) == {"red", "green", "blue"}
            middle = "document.getElementById('picture').getContext('2d').getImageData(80, 60, 1, 1).data"
            red, green, blue, _ = await page.evaluate(f"Array.from({middle})")
            assert red > 200 and green < 60 and blue < 60
            # The numbers are updated. Rounded to a tenth, consecutive delays are often equal on a fast machine.
            await page.wait_until("parseFloat(document.getElementById('rate').innerText) > 5")
            numbers = set()
            for _ in range(400):
                numbers.add((await page.read_text("delay"), await page.read_text("rate")))
                if len(numbers) > 5:
                    break
                await asyncio.sleep(0.05)
            assert len(numbers) > 5 and all(delay.endswith(" ms") for delay, _ in numbers)
            latency = (await page.read_text("latency")).split()
            assert [latency[index] for index in (0, 3, 6, 9)] == ["capture", "preprocess", "invoke", "postprocess"]
            # The source is disconnected.
            assert await page.evaluate("document.getElementById('message').hidden")
            (tmp_path / "photos").rename(tmp_path / "disconnected")
            await page.wait_until("!document.getElementById('message').hidden")
            message = await page.read_text("message")
            assert message.startswith("No frame: the folder ") and "No such file or directory" in message
            assert await page.read_text("best") == "…"
            # The source is connected again, with another scene.
            write_photo(tmp_path / "photos" / "b.png", (20, 20, 240))
            await page.wait_until("document.getElementById('best').innerText === 'blue'")
            assert await page.evaluate("document.getElementById('message').hidden")
            # The page is not wider than a phone, and had no errors.
            await page.call("Emulation.setDeviceMetricsOverride", **PHONE)
            assert await page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
            assert page.errors == []
            # The demo ends.
            child.terminate()
            await page.wait_until("document.getElementById('message').innerText.startsWith('No connection')")

    with run_demo(demo_device, demo_bundle, "--source", tmp_path / "photos", "--port", "0") as (child, address):
        asyncio.run(asyncio.wait_for(check_page(address, child), 180))


def test_token_is_removed_from_the_address_and_kept_as_a_cookie(demo_bundle, demo_device, tmp_path):
    write_photo(tmp_path / "photos" / "a.png", (20, 240, 20))

    async def check_page(address):
        assert "?token=" in address
        local_address = f"http://127.0.0.1:{address.rpartition(':')[2]}"
        async with open_page(local_address, tmp_path / "profile") as page:
            await page.wait_until("document.getElementById('best').innerText === 'green'")
            assert await page.evaluate("location.pathname + location.search") == "/"
            # HttpOnly: scripts cannot read the cookie.
            assert await page.evaluate("document.cookie") == ""
            await page.call("Page.reload")
            await page.wait_until("document.getElementById('best') !== null")
            await page.wait_until("document.getElementById('best').innerText === 'green'")
            assert page.errors == []

    arguments = ("--source", tmp_path / "photos", "--port", "0", "--host", "0.0.0.0")
    with run_demo(demo_device, demo_bundle, *arguments) as (child, address):
        asyncio.run(asyncio.wait_for(check_page(address), 180))
        child.terminate()


ANSWERS = {"red": (250, 10, 10), "yellow": (200, 200, 0), "grey": (128, 128, 128)}


@pytest.mark.parametrize(
    ("name", "kind", "sign", "best", "reason"),
    [
        ("red", "label", "✓", "red", ""),
        ("yellow", "unsure", "?", "unsure: red or green", "probability 50.0%, a label needs 90.0%"),
        ("grey", "none", "✕", "none of these", "similarity 0.577, a label needs 0.650"),
    ],
)
def test_page_shows_each_of_the_three_answers(answer_bundles, demo_device, tmp_path, name, kind, sign, best, reason):
    """In light and dark mode, by words, a sign and the style of a line, not by colour alone."""
    write_photo(tmp_path / "red" / "a.png", ANSWERS[name])

    async def check_page(address):
        async with open_page(address, tmp_path / "profile") as page:
            await page.wait_until(f"document.getElementById('best').innerText === '{best}'")
            assert await page.evaluate("document.getElementById('answer').className") == kind
            assert (await page.read_text("sign"), await page.read_text("reason")) == (sign, reason)
            assert await page.evaluate("document.getElementById('labels').classList.contains('faded')") is (
                kind == "none"
            )
            verdict = {"label": "right", "unsure": "unsure", "none": "none of these"}[kind]
            assert await page.read_text("photo") == f"a.png · true class red: {verdict}"
            styles = []
            for scheme in ("light", "dark"):
                media = [{"name": "prefers-color-scheme", "value": scheme}]
                await page.call("Emulation.setEmulatedMedia", features=media)
                styles.append(await page.evaluate("getComputedStyle(document.getElementById('sign')).color"))
                await save_screenshot(page, f"{name}-{scheme}")
            assert styles[0] != styles[1]
            assert page.errors == []

    arguments = ("--source", tmp_path / "red", "--port", "0")
    with run_demo(demo_device, answer_bundles["colours"], *arguments) as (child, address):
        asyncio.run(asyncio.wait_for(check_page(address), 180))
        child.terminate()
