"""The bases: finding one in the table, checking what is asked of it, and where its weights lie."""

import os
from importlib.util import find_spec
from pathlib import Path

from edgetl.core.errors import ConfigError, MissingPackage, unknown_name
from edgetl.core.network.base_table import BASES, BaseNetwork, ShippedWeights

# What Keras can compute with here, and how to get it.
_BACKENDS = {
    "tensorflow": "pip install edgetl",
    "jax": "pip install 'edgetl[jax]'",
    "torch": "pip install torch",
}

# Weights that are no file of the user's.
WEIGHTS = ("imagenet", "formula", "none")
_SHIPPED_WEIGHTS = Path(__file__).parents[2] / "weights"

# MobileNet spells its widths with underscores. Source: keras.applications.mobilenet, Keras 3.15.
_ALPHA_NAMES = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}


def find_base(name: str) -> BaseNetwork:
    """The row of that name.

    Raises:
        ConfigError: unknown name, with the closest known ones.
    """
    if name not in BASES:
        raise unknown_name("base", name, BASES)
    return BASES[name]


def check_base(name: str, side_px: int, alpha: float) -> None:
    """Refuse a side or a width that the base cannot take.

    Raises:
        ConfigError: unknown base, a side below its smallest, or a width where it has only one.
    """
    base = find_base(name)
    if side_px < base.smallest_side_px:
        raise ConfigError(f"{name} needs photos of at least {base.smallest_side_px} px, got {side_px}")
    if alpha != 1.0 and not base.has_widths:
        widths = ", ".join(row.name for row in BASES.values() if row.has_widths)
        raise ConfigError(
            f"{name} has no width multiplier: alpha must be 1.0, got {alpha:g}",
            hint=f"leave --alpha out; it is for {widths}",
        )


def find_published_weights(name: str, alpha: float) -> tuple[str, str]:
    """The file name of the ImageNet weights without their top, and the address it is published at.

    Raises:
        ConfigError: no ImageNet weights were published for this width.
    """
    base = find_base(name)
    if alpha not in base.alphas:
        widths = ", ".join(str(width) for width in base.alphas)
        raise ConfigError(
            f"{name} has no ImageNet weights for alpha {alpha}",
            hint=f"choose one of {widths}, or train from random weights with --weights none",
        )
    file = base.weights_file.format(alpha=alpha, alpha_name=_ALPHA_NAMES.get(alpha, ""))
    return file, base.weights_url + (file if base.weights_url.endswith("/") else "")


def find_shipped_weights(name: str, alpha: float) -> ShippedWeights:
    """The weights inside the package for this network.

    Raises:
        ConfigError: there are none for this network and width.
    """
    shipped = find_base(name).formula
    if shipped is None or shipped.alpha != alpha:
        own = ", ".join(f"{row.name} with alpha {row.formula.alpha}" for row in BASES.values() if row.formula)
        raise ConfigError(
            f"there are no formula weights for {name} with alpha {alpha}",
            hint=f"they exist for {own}; --weights imagenet, none or a file serve others",
        )
    return shipped


def resolve_weights_path(name: str, alpha: float, weights: str) -> Path | None:
    """Where the weights lie or will lie: the package, Keras's own cache for published ones, None for random ones.

    Raises:
        ConfigError: no such weights exist for this network and width.
    """
    if weights == "none":
        return None
    if weights == "formula":
        return _SHIPPED_WEIGHTS / find_shipped_weights(name, alpha).file
    if weights != "imagenet":
        return Path(weights)
    return locate_keras_home() / "models" / find_published_weights(name, alpha)[0]


def locate_keras_home() -> Path:
    """Keras's own cache folder. Source: keras.src.backend.config.keras_home, Keras 3.15."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def requested_backend() -> str:
    """The package that Keras computes with, as it will be chosen."""
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def check_backend() -> None:
    """Refuse a backend that Keras does not have, or whose package is not installed.

    Raises:
        ConfigError: `KERAS_BACKEND` names no backend.
        MissingPackage: its package is absent.
    """
    name = requested_backend()
    if name not in _BACKENDS:
        raise unknown_name("KERAS_BACKEND", name, _BACKENDS)
    if find_spec(name) is None:
        raise MissingPackage(f"KERAS_BACKEND is {name}, which is not installed", hint=_BACKENDS[name])
