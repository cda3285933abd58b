"""The table of runtimes that are no packages of Python: their files are fetched once, and are in the bundle."""

from collections.abc import Callable, Mapping

from edgetl.core.device.browser.runtime_files import read_runtime
from edgetl.core.device.target_schema import FetchedRuntime

# Runtime in target.toml → function that reads its files, by their path in the bundle.
FETCHED_RUNTIMES: Mapping[FetchedRuntime, Callable[[], dict[str, bytes]]] = {"litert_js": read_runtime}


def read_fetched_runtime(name: str) -> dict[str, bytes]:
    """Read the files of a runtime; none for "".

    Raises:
        ConfigError: it has not been fetched.
    """
    return next((read() for runtime, read in FETCHED_RUNTIMES.items() if runtime == name), {})
