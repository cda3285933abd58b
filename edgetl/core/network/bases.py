"""Lookups in the table of networks: the row of a base, limits of its input, and the files of its weights."""

import os
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from edgetl.core.errors import ConfigError, MissingPackage, unknown_name
from edgetl.core.network.base_network import BaseNetwork, ShippedWeights
from edgetl.core.network.base_table import BASES

# Backend of Keras → command that installs it.
_BACKENDS = {
    "tensorflow": "pip install edgetl",
    "jax": "pip install 'edgetl[jax]'",
    "torch": "pip install torch",
}

# Names of weights; everything else is the path of a file.
WEIGHTS = ("imagenet", "formula", "none")
_SHIPPED_WEIGHTS = Path(__file__).parents[2] / "weights"

# File names of MobileNet write widths with underscores. Source: keras.applications.mobilenet, Keras 3.15.
_ALPHA_NAMES = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}


def find_base(name: str) -> BaseNetwork:
    """Return the row of a base.

    Raises:
        ConfigError: unknown name; the hint has the closest known names.
    """
    if name not in BASES:
        raise unknown_name("base", name, BASES)
    return BASES[name]


def find_published_weights(name: str, alpha: float) -> tuple[str, str]:
    """Return file name and address of the ImageNet weights without classifier.

    Raises:
        ConfigError: no ImageNet weights are published for this width.
    """
    base = find_base(name)
    if alpha not in base.alphas:
        widths = ", ".join(str(width) for width in base.alphas)
        raise ConfigError(
            f"{name} has no ImageNet weights for alpha {alpha}",
            hint=f"choose one of {widths}, or train from random weights with --weights none",
        )
    # MobileNet writes the width by name, MobileNetV2 and V3 as a number, all others have no width.
    file = base.weights_file.format(alpha=alpha, alpha_name=_ALPHA_NAMES.get(alpha, ""))
    return file, base.weights_url + (file if base.weights_url.endswith("/") else "")


def find_shipped_weights(name: str, alpha: float) -> ShippedWeights:
    """Return the weights of a network that are inside the package.

    Raises:
        ConfigError: the package has none for this network and width.
    """
    shipped = find_base(name).formula
    if shipped is None or shipped.alpha != alpha:
        available = [f"--base {row.name} --alpha {row.formula.alpha}" for row in BASES.values() if row.formula]
        raise ConfigError(
            f"there are no formula weights for {name} with alpha {alpha}",
            hint=f"use {' or '.join(available)}, or --weights imagenet, none or a file",
        )
    return shipped


def resolve_weights_path(name: str, alpha: float, weights: str) -> Path | None:
    """Return the file of some weights, whether or not it exists; None for random weights.

    Published weights are in Keras's own cache, where Keras finds them too.

    Raises:
        ConfigError: no such weights are available for this network and width.
    """
    if weights == "none":
        return None
    if weights == "formula":
        return _SHIPPED_WEIGHTS / find_shipped_weights(name, alpha).file
    if weights != "imagenet":
        return Path(weights)
    return locate_keras_home() / "models" / find_published_weights(name, alpha)[0]


def check_weights(name: str, alpha: float, weights: str) -> None:
    """Check that weights exist: in a file, in the package, or published, whether or not they are downloaded.

    Raises:
        ConfigError: no such file; a misspelt name has a suggestion. Or none for this network and width.
    """
    path = resolve_weights_path(name, alpha, weights)
    if path is None or weights in WEIGHTS or path.exists():
        return
    # The name of a file would have a suffix, as all weights files do.
    similar = [] if path.suffix else get_close_matches(path.name.lower(), WEIGHTS, n=1)
    hint = 'weights are "imagenet", "formula", "none", or a file (.h5, .weights.h5 or .npz)'
    raise ConfigError(
        "no such weights file", where=(path,), hint=f"did you mean --weights {similar[0]}?" if similar else hint
    )


def locate_keras_home() -> Path:
    """Return Keras's cache folder. Source: keras.src.backend.config.keras_home, Keras 3.15."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def read_backend_name() -> str:
    """Return the name of the backend that Keras will use. Keras itself is not imported."""
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def check_backend() -> None:
    """Check that Keras has the requested backend and that its package is installed.

    Raises:
        ConfigError: `KERAS_BACKEND` is not the name of a backend.
        MissingPackage: the package of the backend is not installed.
    """
    name = read_backend_name()
    if name not in _BACKENDS:
        raise unknown_name("KERAS_BACKEND", name, _BACKENDS)
    if find_spec(name) is None:
        raise MissingPackage(f"KERAS_BACKEND is {name}, which is not installed", hint=_BACKENDS[name])
