"""The demo's page: four fixed answers and one WebSocket. What a request says never becomes the name of a file.

A viewer asks for a picture when it has drawn the last, so slow phones get fewer and nothing is queued for them.
"""

from __future__ import annotations

import asyncio
import io
import json
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import demo_guard
from aiohttp import WSCloseCode, WSMsgType, web
from PIL import Image

HERE = Path(__file__).resolve().parent
PAGE = {
    "/": ("demo_page.html", "text/html"),
    "/demo_page.css": ("demo_page.css", "text/css"),
    "/demo_page.js": ("demo_page.js", "text/javascript"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
VIEW_PX = (640, 640)
VIEW_HZ = 15
POLL_S = 0.02
# Without a new picture a viewer still learns so often how things are.
NEWS_S = 0.5
QUIET_S = 30.0
# Of the codes that are free to use (4000 to 4999). Source: RFC 6455, 7.4.2.
FULL = 4001

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(demo: Any, guard: Any, viewers: int) -> web.Application:
    """The web application.

    Args:
        demo: has `state()`, and `loop` with `answer` and `stopped`.
        guard: a demo_guard.Guard.
        viewers: how many may look at once.
    """
    app = web.Application(middlewares=[_guarded(guard)], client_max_size=1024)
    site = _Site(demo, viewers)
    for path, (name, kind) in PAGE.items():
        app.router.add_get(path, _fixed((HERE / name).read_text(encoding="utf-8"), kind))
    app.router.add_get("/live", site.live)
    app.on_response_prepare.append(_dressed)
    app.on_shutdown.append(site.close)
    return app


async def serve(
    app: web.Application, host: str, port: int, ready: Callable[[int], None]
) -> Callable[[], Awaitable[None]]:
    """Listen, tell `ready` the port, and give what ends it. Raises OSError where that cannot be listened on."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    ready(runner.addresses[0][1])
    return runner.cleanup


def _guarded(guard: Any) -> Any:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = guard.refusal(request.headers.get("Host", ""), request.headers.get("Origin"))
        if refusal:
            raise web.HTTPForbidden(text=f"{refusal}\n")
        if guard.token and request.path == "/" and "token" in request.query and guard.knows(request.query["token"]):
            # On to the same page without the token: addresses end up in histories and screenshots.
            answer = web.HTTPSeeOther("/")
            answer.set_cookie(demo_guard.COOKIE, guard.token, httponly=True, samesite="Lax", max_age=30 * 86400)
            raise answer
        if not guard.knows(request.cookies.get(demo_guard.COOKIE, "")):
            raise web.HTTPUnauthorized(
                text="open the address with ?token=..., as the demo printed it when it started\n"
            )
        return await handler(request)

    return middleware


async def _dressed(_: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.update(HEADERS)
    # Its value would tell the versions of Python and aiohttp.
    answer.headers["Server"] = "edgetl"


def _fixed(text: str, kind: str) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind)

    return handler


class _Site:
    """The viewers, and the newest picture as JPEG, made once for all of them and only if somebody looks."""

    def __init__(self, demo: Any, viewers: int) -> None:
        self._demo = demo
        self._limit = viewers
        self._viewers: set[web.WebSocketResponse] = set()
        self._encoding = asyncio.Lock()
        self._jpeg = (0, b"")

    async def live(self, request: web.Request) -> web.StreamResponse:
        """One viewer, from the first picture to the last."""
        viewer = web.WebSocketResponse(heartbeat=10.0, max_msg_size=64, compress=False)
        await viewer.prepare(request)
        if len(self._viewers) >= self._limit:
            await viewer.close(code=FULL, message=b"too many viewers")
            return viewer
        self._viewers.add(viewer)
        try:
            await self._served(viewer)
        except (ConnectionError, asyncio.TimeoutError):  # noqa: UP041  (another class before Python 3.11)
            # The viewer is gone or asks for nothing any more: nobody is left to tell.
            await viewer.close()
        finally:
            self._viewers.discard(viewer)
        return viewer

    async def close(self, _: web.Application) -> None:
        """Send all viewers away."""
        for viewer in set(self._viewers):
            await viewer.close(code=WSCloseCode.GOING_AWAY, message=b"the demo was stopped")

    async def _served(self, viewer: web.WebSocketResponse) -> None:
        number, clock = 0, asyncio.get_running_loop()
        while True:
            asked = await viewer.receive(QUIET_S)
            if asked.type is not WSMsgType.TEXT:
                return
            start = clock.time()
            answer = await self._newer(number)
            jpeg = b"" if answer is None else await self._encoded(answer)
            number = number if answer is None else answer.number
            # Labels and picture travel in one message: they belong together.
            head = json.dumps(self._demo.state(answer)).encode()
            await viewer.send_bytes(struct.pack(">I", len(head)) + head + jpeg)
            await asyncio.sleep(max(0.0, 1 / VIEW_HZ - (clock.time() - start)))

    async def _newer(self, number: int) -> Any:
        """The newest answer as soon as it is another; None if none comes within NEWS_S."""
        for _ in range(int(NEWS_S / POLL_S)):
            answer = self._demo.loop.answer
            if answer is not None and answer.number != number:
                return answer
            await asyncio.sleep(POLL_S)
        return None

    async def _encoded(self, answer: Any) -> bytes:
        async with self._encoding:
            if self._jpeg[0] < answer.number:
                self._jpeg = (answer.number, await asyncio.to_thread(jpeg, answer.image))
            return self._jpeg[1]


def jpeg(image: Image.Image) -> bytes:
    """A picture for the page: at most VIEW_PX, JPEG. The model never sees it."""
    small = image
    if image.width > VIEW_PX[0] or image.height > VIEW_PX[1]:
        small = image.copy()
        small.thumbnail(VIEW_PX, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
