"""Serve this folder on this machine: python3 serve.py, then open the address that it prints.

Any web server will do. This one sets the headers that a server should send with the page: its security policy for the
workers too, which no file of the folder can set. Needs the standard library only. Only this machine can connect.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HOST = "127.0.0.1"
# The same policy as in index.html and selfcheck.html, and that no other page may embed this one.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob: mediastream:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}
TYPES = {
    **SimpleHTTPRequestHandler.extensions_map,
    ".js": "text/javascript",
    ".webmanifest": "application/manifest+json",
    ".gz": "application/octet-stream",
    ".tflite": "application/octet-stream",
}


def is_own_file(path: Path, folder: Path) -> bool:
    """Return whether a path, or the page in it where it is a folder, is a regular file of `folder` without a link."""
    page = path / "index.html" if path.is_dir() else path
    return page.is_file() and page.resolve() == folder.resolve() / page.relative_to(folder)


class Handler(SimpleHTTPRequestHandler):
    """Regular files of the folder, with the headers above. Links are not followed, and folders are not listed."""

    extensions_map = TYPES
    server_version = "edgetl"
    sys_version = ""

    def end_headers(self) -> None:
        """Add the headers to every response."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def send_head(self) -> Any:
        """Send a file, or 404 for all that is not a file of the folder: a link may lead out of it."""
        if is_own_file(Path(self.translate_path(self.path)), Path(self.directory)):
            return super().send_head()
        self.send_error(404)
        return None

    def list_directory(self, path: object) -> None:
        """Refuse to list a folder."""
        del path
        self.send_error(404)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  (the name in the standard library)
        """Print nothing for each request."""


class Server(ThreadingHTTPServer):
    """A server that prints nothing where a browser ends a download, as it does when a page is closed."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Print the traceback of an error that is not the end of a connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def make_server(folder: Path, port: int) -> Server:
    """Make a server of a folder on the loopback interface; port 0 is any free one."""
    return Server((HOST, port), functools.partial(Handler, directory=str(folder)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve the model on this machine.")
    parser.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1; 0 is any free one")
    options = parser.parse_args(arguments)
    try:
        server = make_server(HERE, options.port)
    except OSError as error:
        print(f"port {options.port}: {error.strerror}; choose another one with --port", file=sys.stderr)
        return 1
    with server:
        print(f"http://{HOST}:{server.server_address[1]}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
