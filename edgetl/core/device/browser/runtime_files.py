"""The runtime for browsers in edgetl's cache: fetched once, then used without a network."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from edgetl.core.device.browser import npm_registry
from edgetl.core.device.browser.npm_packages import LITERT_JS, RUNTIMES, NpmPackage, unpack_files
from edgetl.core.device.browser.npm_registry import Download
from edgetl.core.errors import ConfigError
from edgetl.core.storage.cache import create_cached_folder, drop_cached_folder, locate_cache
from edgetl.core.storage.regular_files import LARGEST_RECORD_BYTES, LARGEST_TEXT_BYTES, read_regular

# Digests of the files, so that a damaged cache is found.
DIGESTS = "files.json"


def locate_runtime(packages: Sequence[NpmPackage] = LITERT_JS) -> Path:
    """Return the folder of the runtime in the cache. Its name changes with the pinned versions."""
    pins = json.dumps([[package.integrity, dict(package.files), dict(package.replacements)] for package in packages])
    # As in litert/litert.js.
    name = next(iter(packages[0].files.values())).partition("/")[0]
    return locate_cache() / "browser" / f"{name}-{packages[0].version}-{hashlib.sha256(pins.encode()).hexdigest()[:8]}"


def has_runtime(packages: Sequence[NpmPackage] = LITERT_JS) -> bool:
    """Return whether the runtime has been fetched."""
    return (locate_runtime(packages) / DIGESTS).is_file()


def read_runtime(packages: Sequence[NpmPackage] = LITERT_JS) -> dict[str, bytes]:
    """Read the files of the runtime, by their path in a bundle.

    Raises:
        ConfigError: they have not been fetched, or have changed.
    """
    folder = locate_runtime(packages)
    if not (folder / DIGESTS).is_file():
        raise ConfigError(
            "the runtime for browsers is not on this machine", where=(folder,), hint=f"run {suggest_fetch(packages)}"
        )
    digests = json.loads(read_regular(folder / DIGESTS, LARGEST_TEXT_BYTES))
    files = {}
    for name in (name for package in packages for name in package.files.values()):
        path = folder / name
        content = read_regular(path, LARGEST_RECORD_BYTES) if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != digests.get(name):
            raise ConfigError(
                "the runtime for browsers changed since it was fetched",
                where=(path,),
                hint=f"run {suggest_fetch(packages)}",
            )
        files[name] = content
    return files


def fetch_runtime(
    packages: Sequence[NpmPackage] = LITERT_JS, download: Download = npm_registry.download_archive
) -> Path:
    """Fetch the runtime from the registry of npm into the cache, unless it is there and unchanged.

    Raises:
        ConfigError: it cannot be downloaded, or the cache cannot be written.
        StageError: an archive is not the published one.
    """
    folder = locate_runtime(packages)
    try:
        read_runtime(packages)
    except ConfigError:
        drop_cached_folder(folder)
    else:
        return folder
    registry = npm_registry.find_registry()
    files: dict[str, bytes] = {}
    for package in packages:
        files |= unpack_files(package, download(npm_registry.make_archive_address(registry, package)))
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    with create_cached_folder(folder) as unfinished:
        for name, content in {**files, DIGESTS: json.dumps(digests, indent=1).encode()}.items():
            path = unfinished / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


def suggest_fetch(packages: Sequence[NpmPackage]) -> str:
    """Return the command that fetches the runtime."""
    names = [name for name, runtime in RUNTIMES.items() if runtime == packages]
    return f"edgetl fetch {names[0] if names else 'browser'}"
