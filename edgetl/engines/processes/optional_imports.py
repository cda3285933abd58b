"""Keeps TensorFlow and Keras from importing packages that they can do without.

Wrappers of scikit-learn, galleries of Matplotlib, data frames of pandas, conversions from JAX: edgetl uses none of
them, and each process would import them all. To these libraries the packages look absent, as on a machine without
them; to all others nothing changes. This is for processes of edgetl alone: a program that imports edgetl may use the
wrappers.
"""

import os
import sys
from importlib.abc import MetaPathFinder
from types import FrameType

# Package → libraries. Each of their imports is in a try statement that handles ImportError.
_OPTIONAL = {
    "IPython": ("keras", "tf_keras"),
    "jax": ("keras", "tensorflow"),
    "matplotlib": ("keras",),
    "pandas": ("keras", "tf_keras"),
    "scipy": ("keras", "tensorflow", "tf_keras"),
    "sklearn": ("keras",),
}


def skip_optional_imports() -> None:
    """Hide the packages from TensorFlow and Keras, in this process, from now on."""
    if not any(isinstance(finder, _OptionalImports) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OptionalImports())


class _OptionalImports(MetaPathFinder):
    """Finds nothing, and ends the search for a package that the importing library can do without."""

    def find_spec(self, name: str, *_: object) -> None:
        # The backend of Keras is not optional.
        if name not in _OPTIONAL or name == os.environ.get("KERAS_BACKEND"):
            return
        library = _find_importing_library()
        if library in _OPTIONAL[name]:
            raise ModuleNotFoundError(f"{library} is used without {name}", name=name)


def _find_importing_library() -> str:
    """Return the package whose code runs the import statement."""
    frame = sys._getframe(2)
    while frame.f_back and _name_package(frame) in ("importlib", "_frozen_importlib"):
        frame = frame.f_back
    return _name_package(frame)


def _name_package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
