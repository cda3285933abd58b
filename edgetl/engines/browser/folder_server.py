"""A web server of one folder on the loopback interface: serve.py of the bundles, which is the one that users start."""

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from edgetl.core.device.target_search import locate_shipped_targets


@contextmanager
def serve_folder(folder: Path) -> Iterator[str]:
    """Serve a folder during the block; yield its address, which ends in a slash."""
    server = _load_server_program().make_server(folder, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@cache
def _load_server_program() -> Any:
    path = locate_shipped_targets() / "browser" / "serve.py"
    specification = importlib.util.spec_from_file_location("edgetl_serve", path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
