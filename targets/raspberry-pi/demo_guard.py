"""Access to the demo's page: the token, and the checks that reject requests which another site made a browser send."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

TOKEN_LENGTH = 16
COOKIE = "edgetl_demo"


@dataclass(frozen=True)
class Guard:
    """What a request must satisfy.

    Attributes:
        token: the secret; empty where none is required.
        local: whether the page is reachable from this board only.
    """

    token: str
    local: bool

    def accepts_token(self, token: str) -> bool:
        """Compare a token in constant time: the duration must not reveal how many characters are right."""
        return not self.token or hmac.compare_digest(_encode(token), _encode(self.token))

    def explain_refusal(self, host: str, origin: str | None) -> str:
        """Return why a request with these headers comes from another site; empty if it does not.

        A page elsewhere can make its own name resolve to this board (DNS rebinding): then the Host header contains that
        name. It can also open a WebSocket to this board: then the Origin header contains the origin of that page.

        Args:
            host: the Host header.
            origin: the Origin header, None where the request has none.
        """
        if self.local and not is_loopback(_remove_port(host)):
            return f"the host of this demo is 127.0.0.1 or localhost, not {host!r}"
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return f"a page of {origin!r} has no access"
        return ""


def make_guard(host: str, token: str | None) -> Guard:
    """Make the guard for an address to listen on.

    Args:
        host: the value of --host.
        token: the token from the environment, None if there is none. With a token from the environment, requests from
            this board need it too.

    Raises:
        ValueError: the token is too short, or has characters that a cookie cannot contain.
    """
    local = is_loopback(host)
    if token is not None:
        if len(token) < TOKEN_LENGTH or not all("!" <= character <= "~" for character in token):
            raise ValueError(f"the token needs {TOKEN_LENGTH} or more letters, digits and signs, without spaces")
        return Guard(token, local)
    return Guard("" if local else secrets.token_urlsafe(24), local)


def is_loopback(host: str) -> bool:
    """Return whether a name or address is reachable from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _remove_port(host: str) -> str:
    """Remove the port of a Host header: "[::1]:8000" becomes "::1"."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _encode(text: str) -> bytes:
    # Bytes of a header that are no UTF-8 arrive as surrogates, which the default error handler rejects.
    return text.encode("utf-8", "surrogatepass")
