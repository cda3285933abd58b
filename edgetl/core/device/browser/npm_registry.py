"""The registry of npm: its address, as npm is configured, and the archive of a package."""

import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from edgetl.core.device.browser.npm_packages import NpmPackage
from edgetl.core.errors import ConfigError

# Source: npm help config, registry.
STANDARD_REGISTRY = "https://registry.npmjs.org"
# npm reads its settings from variables of both spellings.
VARIABLES = ("NPM_CONFIG_REGISTRY", "npm_config_registry")

_NPM_TIMEOUT_S = 30
_DOWNLOAD_TIMEOUT_S = 60
_LARGEST_ARCHIVE_BYTES = 100 * 1024 * 1024

Download = Callable[[str], bytes]


def find_registry(environment: Mapping[str, str] = os.environ) -> str:
    """Return the address of the registry: of the environment, else of npm's configuration, else the standard one.

    Raises:
        ConfigError: the address is not one of the web.
    """
    address = next((environment[name] for name in VARIABLES if environment.get(name)), "") or _ask_npm()
    address = (address or STANDARD_REGISTRY).rstrip("/")
    if urlsplit(address).scheme not in ("http", "https"):
        raise ConfigError(
            f"the registry of npm is {address!r}, which is not an address of the web",
            hint=f"set NPM_CONFIG_REGISTRY={STANDARD_REGISTRY}",
        )
    return address


def make_archive_address(registry: str, package: NpmPackage) -> str:
    """Return the address of the archive of a package: the scope is not part of the file name."""
    return f"{registry}/{package.name}/-/{package.name.rpartition('/')[2]}-{package.version}.tgz"


def download_archive(address: str) -> bytes:
    """Download a file.

    Raises:
        ConfigError: there is no network, the server refuses, or the file is too large.
    """
    try:
        # `find_registry` has checked the scheme.
        with urllib.request.urlopen(address, timeout=_DOWNLOAD_TIMEOUT_S) as response:  # noqa: S310
            content: bytes = response.read(_LARGEST_ARCHIVE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise ConfigError(
            f"the runtime for browsers could not be downloaded: {reason}",
            where=(address,),
            hint="1. run edgetl fetch browser where there is a network, and copy the folder browser of its cache into "
            "that of this machine  2. set NPM_CONFIG_REGISTRY to a registry of npm that this machine reaches",
        ) from error
    if len(content) > _LARGEST_ARCHIVE_BYTES:
        raise ConfigError(f"the archive has more than {_LARGEST_ARCHIVE_BYTES >> 20} MiB", where=(address,))
    return content


def _ask_npm() -> str:
    """Return the registry of npm's own configuration; "" where npm is not installed or does not answer."""
    npm = shutil.which("npm")
    if npm is None:
        return ""
    command = [npm, "config", "get", "registry"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_NPM_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
