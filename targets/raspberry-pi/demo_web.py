"""The web server of the demo: three static files and one WebSocket. No part of a request ever becomes a file name.

A viewer requests a frame after it has drawn the last one: a slow phone gets fewer frames, and nothing is queued for it.
"""

from __future__ import annotations

import asyncio
import io
import json
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import demo_connections
import demo_guard
import demo_log
from aiohttp import WSCloseCode, WSMsgType, http_exceptions, web
from PIL import Image

HERE = Path(__file__).resolve().parent
STATIC_FILES = {
    "/": ("demo_page.html", "text/html"),
    "/demo_page.css": ("demo_page.css", "text/css"),
    "/demo_page.js": ("demo_page.js", "text/javascript"),
}
# The page needs its own scripts, styles and connection, and nothing else; no other site may embed or read it.
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
# Without a new frame, a viewer gets the state alone after this time.
STATE_INTERVAL_S = 0.5
# A viewer that requests nothing for this long is disconnected, so that others can connect.
IDLE_TIMEOUT_S = 30.0
# One of the close codes for private use, 4000 to 4999. demo_page.js contains the same number.
# Source: RFC 6455, 7.4.2.
TOO_MANY_VIEWERS = 4001
# Errors that a request can cause, or a viewer that disconnects.
REQUEST_ERRORS = (http_exceptions.HttpProcessingError, web.HTTPException, ConnectionError, asyncio.TimeoutError)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_application(demo: Any, guard: Any, viewers: int) -> web.Application:
    """Make the web application.

    Args:
        demo: has `get_state(prediction)`, and `loop` with `prediction`.
        guard: a demo_guard.Guard.
        viewers: largest number of viewers.
    """
    app = web.Application(middlewares=[_make_guard_middleware(guard)], client_max_size=1024)
    live_view = _LiveView(demo, viewers)
    for path, (name, content_type) in STATIC_FILES.items():
        # Read once at the start: no request opens a file.
        app.router.add_get(path, _make_static_handler((HERE / name).read_text(encoding="utf-8"), content_type))
    app.router.add_get("/live", live_view.handle)
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(live_view.close)
    return app


async def serve(
    app: web.Application,
    address: tuple[str, int],
    limits: demo_connections.ConnectionLimits,
    on_ready: Callable[[int], None],
) -> Callable[[], Awaitable[None]]:
    """Listen on host and port, call `on_ready` with the port, and return the function that ends the server.

    Raises:
        OSError: host and port cannot be listened on.
    """
    demo_log.limit_messages(REQUEST_ERRORS)
    # After a response, aiohttp reads the rest of a body for at most `lingering_time`.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0, lingering_time=limits.request_s)
    await runner.setup()
    assert runner.server is not None
    connections = demo_connections.Connections(runner.server, limits)
    try:
        server = await asyncio.get_running_loop().create_server(connections.accept, *address)
    except OSError:
        await runner.cleanup()
        raise

    async def close() -> None:
        server.close()
        await runner.cleanup()

    on_ready(server.sockets[0].getsockname()[1])
    return close


def _make_guard_middleware(guard: Any) -> Any:
    @web.middleware
    async def check_request(request: web.Request, handler: Handler) -> web.StreamResponse:
        # The headers are complete: the deadline of the connection starts again after the response.
        connection = request.transport.get_protocol() if request.transport is not None else None
        if not isinstance(connection, demo_connections.Connection):
            return await answer(request, handler)
        connection.begin_request()
        try:
            return await answer(request, handler)
        finally:
            connection.end_request()

    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = guard.explain_refusal(request.headers.get("Host", ""), request.headers.get("Origin"))
        if refusal:
            raise web.HTTPForbidden(text=f"{refusal}\n")
        with_token = guard.token and request.path == "/" and "token" in request.query
        if with_token and guard.accepts_token(request.query["token"]):
            # Redirect to the address without the token: addresses are kept in histories and screenshots.
            response = web.HTTPSeeOther("/")
            response.set_cookie(demo_guard.COOKIE, guard.token, httponly=True, samesite="Lax", max_age=30 * 86400)
            raise response
        if not guard.accepts_token(request.cookies.get(demo_guard.COOKIE, "")):
            raise web.HTTPUnauthorized(text="open the address with ?token=..., which the demo printed at its start\n")
        return await handler(request)

    return check_request


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
    # The default contains the versions of Python and aiohttp, which help an attacker.
    response.headers["Server"] = "edgetl"


def _make_static_handler(text: str, content_type: str) -> Handler:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=content_type)

    return handle


class _LiveView:
    """The viewers, and the newest frame as JPEG, which is encoded once for all of them and only if one requests it."""

    def __init__(self, demo: Any, viewers: int) -> None:
        self._demo = demo
        self._limit = viewers
        self._viewers: set[web.WebSocketResponse] = set()
        self._encoding = asyncio.Lock()
        self._jpeg = (0, b"")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one viewer until it disconnects."""
        viewer = web.WebSocketResponse(heartbeat=10.0, max_msg_size=64, compress=False)
        await viewer.prepare(request)
        if len(self._viewers) >= self._limit:
            await viewer.close(code=TOO_MANY_VIEWERS, message=b"too many viewers")
            return viewer
        self._viewers.add(viewer)
        try:
            await self._send_states(viewer)
        except (ConnectionError, asyncio.TimeoutError):  # noqa: UP041  (another class before Python 3.11)
            # The viewer disconnected or is idle: there is nothing to report to it.
            await viewer.close()
        finally:
            self._viewers.discard(viewer)
        return viewer

    async def close(self, _: web.Application) -> None:
        """Disconnect all viewers."""
        for viewer in set(self._viewers):
            await viewer.close(code=WSCloseCode.GOING_AWAY, message=b"the demo was stopped")

    async def _send_states(self, viewer: web.WebSocketResponse) -> None:
        number, clock = 0, asyncio.get_running_loop()
        while True:
            message = await viewer.receive(IDLE_TIMEOUT_S)
            if message.type is not WSMsgType.TEXT:
                return
            start = clock.time()
            prediction = await self._wait_for_prediction(number)
            image = b"" if prediction is None else await self._encode(prediction)
            number = number if prediction is None else prediction.number
            # State and frame are one message: labels never appear beside another frame.
            state = json.dumps(self._demo.get_state(prediction)).encode()
            await viewer.send_bytes(struct.pack(">I", len(state)) + state + image)
            await asyncio.sleep(max(0.0, 1 / VIEW_HZ - (clock.time() - start)))

    async def _wait_for_prediction(self, number: int) -> Any:
        """Return the newest prediction once it is not that number; None if none arrives within STATE_INTERVAL_S."""
        for _ in range(int(STATE_INTERVAL_S / POLL_S)):
            prediction = self._demo.loop.prediction
            if prediction is not None and prediction.number != number:
                return prediction
            await asyncio.sleep(POLL_S)
        return None

    async def _encode(self, prediction: Any) -> bytes:
        # The lock lets the other viewers wait for the JPEG instead of encoding it again.
        async with self._encoding:
            if self._jpeg[0] < prediction.number:
                self._jpeg = (prediction.number, await asyncio.to_thread(encode_jpeg, prediction.frame.image))
            return self._jpeg[1]


def encode_jpeg(image: Image.Image) -> bytes:
    """Encode a frame for the page, at most VIEW_PX large. The model does not use this image."""
    view = image
    if image.width > VIEW_PX[0] or image.height > VIEW_PX[1]:
        # thumbnail() works in place, and other threads use the frame.
        view = image.copy()
        view.thumbnail(VIEW_PX, reducing_gap=2.0)
    buffer = io.BytesIO()
    view.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
