"""Where an exception comes from: from edgetl, or from a library that edgetl has called."""

import traceback
from pathlib import Path

_EDGETL = Path(__file__).parents[2]
_LIBRARIES = ("site-packages", "dist-packages")


def find_library(error: BaseException) -> str:
    """Find the library whose code raised an exception.

    It is the library that edgetl called last: an exception of numpy inside tf2onnx is one of tf2onnx.

    Args:
        error: an exception that was raised.

    Returns:
        The import name of the package, or "" if edgetl or the standard library raised the exception.
    """
    files = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    ours = [place for place, file in enumerate(files) if file.is_relative_to(_EDGETL)]
    called = files[ours[-1] + 1 :] if ours else files
    return next(filter(None, map(_name_package, called)), "")


def _name_package(file: Path) -> str:
    """Return the name of the installed package that a source file belongs to, "" for other files."""
    for folder in _LIBRARIES:
        if folder in file.parts:
            return Path(*file.parts[len(file.parts) - file.parts[::-1].index(folder) :]).parts[0].removesuffix(".py")
    return ""
