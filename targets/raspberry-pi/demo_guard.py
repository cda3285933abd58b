"""Who may look: tokens, and the headers that tell a browser's own request from one that another site made it send."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

TOKEN_CHARACTERS = 16
COOKIE = "edgetl_demo"


@dataclass(frozen=True)
class Guard:
    """What is asked of a request. `token` is empty where none is needed; `local` is whether only this board can ask."""

    token: str
    local: bool

    def knows(self, token: str) -> bool:
        """Whether that is the token, in a time that does not tell how much of it is right."""
        return not self.token or hmac.compare_digest(_bytes(token), _bytes(self.token))

    def refusal(self, host: str, origin: str | None) -> str:
        """Why a request with these headers is another site's doing; empty if it is not.

        A page elsewhere can have its name point here (DNS rebinding): the browser then names that host. It can also
        open a WebSocket here: the browser then names the origin of that page.
        """
        if self.local and not loopback(_name(host)):
            return f"this demo is called 127.0.0.1 or localhost, not {host!r}"
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return f"a page of {origin!r} may not look in here"
        return ""


def made(host: str, given: str | None) -> Guard:
    """The guard for an address to listen on.

    Args:
        host: what --host says.
        given: the token from the environment, if there is one. It then is asked for on every address.

    Raises:
        ValueError: a token that could be guessed.
    """
    local = loopback(host)
    if given is not None:
        if len(given) < TOKEN_CHARACTERS or not all("!" <= letter <= "~" for letter in given):
            raise ValueError(f"a token has {TOKEN_CHARACTERS} or more letters, digits and signs, and no spaces")
        return Guard(given, local)
    return Guard("" if local else secrets.token_urlsafe(24), local)


def loopback(host: str) -> bool:
    """Whether a name or address is this machine's own, reachable from nowhere else."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """A Host header without its port: "[::1]:8000" is "::1"."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
