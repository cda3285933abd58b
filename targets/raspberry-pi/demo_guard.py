"""Access to the demo's page: the token, and the checks that reject requests which another site made a browser send."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from dataclasses import dataclass

TOKEN_LENGTH = 16
COOKIE = "edgetl_demo"
# A name or an IPv4 address, or an IPv6 address in brackets, and a port. Digits and letters are those of ASCII.
_HOST = re.compile(
    r"(?:(?P<name>[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?)|\[(?P<address>[0-9a-f:.]{2,45})\])(?::(?P<port>[0-9]{1,5}))?"
)


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
        name = parse_host(host)
        if self.local and not is_loopback(name):
            return f"the host of this demo is 127.0.0.1 or localhost, not {host!r}"
        if not name:
            return f"{host!r} is not the name of a host"
        # A browser writes both headers in the same way. Anything else is compared, not interpreted.
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
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


def parse_host(host: str) -> str:
    """Return the name or address of a Host header: "::1" for "[::1]:8000". Empty if it is not as browsers write it.

    Browsers write names in lower case, without percent-encoding; a name with a dot at its end is another one to them.
    """
    match = _HOST.fullmatch(host)
    if match is None or not 0 < int(match["port"] or 80) < 65536:
        return ""
    if match["name"]:
        return match["name"]
    try:
        return str(ipaddress.IPv6Address(match["address"]))
    except ValueError:
        return ""


def _encode(text: str) -> bytes:
    # Bytes of a header that are no UTF-8 arrive as surrogates, which the default error handler rejects.
    return text.encode("utf-8", "surrogatepass")
