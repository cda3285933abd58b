"""The programs of the page that predict: what the predictions in a browser depend on beside the model file."""

import hashlib

from edgetl.core.device.browser.page_runtimes import PageRuntime
from edgetl.core.device.browser.runtime_files import locate_runtime
from edgetl.core.device.target_search import locate_shipped_targets
from edgetl.core.storage.regular_files import LARGEST_TEXT_BYTES, read_regular


def hash_page_programs(runtime: PageRuntime) -> str:
    """Return the sha256 over the JavaScript of the page of a runtime, and the pinned version of the runtime."""
    digest = hashlib.sha256(locate_runtime(runtime.packages).name.encode())
    # The folders in reverse, so that the file of the first one is kept.
    paths = {
        path.name: path
        for folder in reversed(runtime.folders)
        for path in (locate_shipped_targets() / folder).glob("*.js")
    }
    for name, path in sorted(paths.items()):
        digest.update(name.encode() + b"\n" + read_regular(path, LARGEST_TEXT_BYTES))
    return digest.hexdigest()
