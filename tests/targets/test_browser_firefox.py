"""The self-check of the browser target in Firefox, whose decoders and kernels are others than those of Chromium.

Playwright controls a Firefox of its own alone, so the test speaks WebDriver BiDi, which every Firefox has.
"""

import asyncio
import itertools
import re
import shutil
import subprocess

import aiohttp
import pytest

from edgetl.engines.browser.folder_server import serve_folder

FIREFOX = next(filter(None, map(shutil.which, ("firefox", "firefox-esr"))), None)
TIMEOUT_S = 120

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed: apt install firefox-esr"),
]


async def run_self_check(port, address):
    """Open the self-check over WebDriver BiDi, and return its result and its rows."""
    numbers = itertools.count(1)
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{port}/session") as connection:

        async def call(method, **parameters):
            number = next(numbers)
            await connection.send_json({"id": number, "method": method, "params": parameters})
            while True:
                message = await connection.receive_json(timeout=TIMEOUT_S)
                if message.get("id") == number:
                    assert message["type"] == "success", message
                    return message["result"]

        await call("session.new", capabilities={})
        context = (await call("browsingContext.getTree"))["contexts"][0]["context"]

        async def evaluate(expression):
            result = await call(
                "script.evaluate", expression=expression, target={"context": context}, awaitPromise=False
            )
            return result["result"].get("value")

        await call("browsingContext.navigate", context=context, url=f"{address}selfcheck.html", wait="complete")
        while not await evaluate("document.documentElement.dataset.result"):
            await asyncio.sleep(0.1)
        rows = await evaluate("[...document.querySelectorAll('#checks tr')].map((row) => row.innerText).join('\\n')")
        return await evaluate("document.documentElement.dataset.result"), rows


def test_self_check_passes_in_firefox(browser_bundle, tmp_path):
    command = [FIREFOX, "--headless", "--no-remote", "--remote-debugging-port=0", "--profile", str(tmp_path)]
    with (
        serve_folder(browser_bundle) as address,
        subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as firefox,
    ):
        try:
            # Firefox prints the port, among other lines.
            found = (re.search(r"BiDi listening on ws://127\.0\.0\.1:(\d+)", line) for line in firefox.stderr)
            port = next(filter(None, found))[1]
            result, rows = asyncio.run(asyncio.wait_for(run_self_check(port, address), TIMEOUT_S))
        finally:
            firefox.terminate()
    assert result == "ok", rows
    assert "XNNPACK runs" in rows
