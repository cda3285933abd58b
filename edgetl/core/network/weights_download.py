"""Published weights: which files are in Keras's cache, and whether the others can be downloaded, found out at once.

Keras waits long for a network that is not there. Here a connection to the server is tried first, for a few seconds.
"""

import re
import socket
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from edgetl.core.errors import ConfigError
from edgetl.core.network import bases
from edgetl.core.network.base_table import BASES

# A server that is reachable accepts a connection within a few tenths of a second.
_CONNECT_S = 3.0
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A file of published weights: base, width, and whether it is in Keras's cache."""

    base: str
    alpha: float
    present: bool


def list_published_weights() -> tuple[WeightsFile, ...]:
    """List the files of published weights of all bases."""
    folder = bases.locate_keras_home() / "models"
    return tuple(
        WeightsFile(row.name, alpha, (folder / bases.find_published_weights(row.name, alpha)[0]).is_file())
        for row in BASES.values()
        for alpha in row.alphas
    )


def check_download(name: str, alpha: float) -> None:
    """Check that the published weights of a base are in Keras's cache, or that their server can be reached.

    Raises:
        ConfigError: neither; or none are published for this width.
    """
    file, url = bases.find_published_weights(name, alpha)
    if (bases.locate_keras_home() / "models" / file).is_file():
        return
    problem = _connect(*_find_server(url))
    if problem:
        raise make_download_error(name, alpha, problem)


def make_download_error(name: str, alpha: float, problem: str) -> ConfigError:
    """Make the error for weights that cannot be downloaded.

    Args:
        name: name of the base.
        alpha: its width.
        problem: why the download failed.
    """
    # Keras puts the number of the error of the system into its message.
    problem = re.sub(r"\[Errno -?\d+\] ", "", problem)
    file, url = bases.find_published_weights(name, alpha)
    folder = bases.locate_keras_home() / "models"
    formula = " or ".join(f"--base {row.name} --alpha {row.formula.alpha}" for row in BASES.values() if row.formula)
    return ConfigError(
        f"the ImageNet weights {file} are not in Keras's cache and could not be downloaded: {problem}",
        where=(f"looked in {folder}", f"published at {url}"),
        hint=f"1. use the weights inside the package, which need no network: --weights formula {formula}  "
        f"2. download the file on a machine with a network and copy it to {folder} "
        "(or set KERAS_HOME to a folder that contains models/)  "
        "3. use a file of your own with --weights FILE  4. train from random weights with --weights none",
    )


def _find_server(url: str) -> tuple[str, int]:
    """Return host and port that a download connects to: those of the proxy, where one is set."""
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme, "")
    if proxy and not proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)


def _connect(host: str, port: int) -> str:
    """Try to connect to a server; return why that failed, "" if it did not."""
    problems = [f"{host} did not answer within {_CONNECT_S:g} s"]

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=_CONNECT_S).close()
            problems[0] = ""
        except OSError as error:
            problems[0] = f"{host}: {error.strerror or error}"

    # In a thread: the search for the address of a host has a time limit of its own, which is longer.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_CONNECT_S)
    return problems[0]
