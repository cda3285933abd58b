"""The programs of the page that predict: what the predictions in a browser depend on beside the model file."""

import hashlib

from edgetl.core.device.browser.runtime_files import locate_runtime
from edgetl.core.device.target_search import locate_shipped_targets
from edgetl.core.storage.regular_files import LARGEST_TEXT_BYTES, read_regular

TARGET = "browser"


def hash_page_programs() -> str:
    """Return the sha256 over the JavaScript of the browser target, and the pinned version of the runtime."""
    digest = hashlib.sha256(locate_runtime().name.encode())
    for path in sorted((locate_shipped_targets() / TARGET).glob("*.js")):
        digest.update(path.name.encode() + b"\n" + read_regular(path, LARGEST_TEXT_BYTES))
    return digest.hexdigest()
