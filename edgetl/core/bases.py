"""The table of bases: what each keras.applications network needs to be built, fed and judged.

A row says everything the engines need, so that a further base is a further row. Published top-1 and parameters are of
the ImageNet classifier at alpha 1.0 and its own side. Source: keras.io/api/applications, November 2026.
"""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from edgetl.core.errors import ConfigError, MissingPackage, unknown

Scaling = Literal["tf"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """Accuracy on photos of which nothing was learned, from each start: means of three seeds, the whole fine-tuned."""

    photos: str
    epochs: int
    random: float
    formula: float
    imagenet: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipped:
    """Weights inside the package, learned at `side_px` on images drawn by formula (tools/pretrain_base.py)."""

    alpha: float
    side_px: int
    file: str
    sha256: str
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """One network. `weights_side_px` is the side its ImageNet weights were trained at; they serve every other side."""

    name: str
    builder: str
    parameters: int
    published_top1: float
    smallest_side_px: int
    default_side_px: int
    weights_side_px: int
    scaling: Scaling
    alphas: tuple[float, ...]
    weights_file: str
    weights_url: str
    formula: Shipped | None = None


# The default side is 160: half the work of 224 on the board, for about two points of ImageNet top-1.
# Source: the width and resolution tables of the MobileNet (2017) and MobileNetV2 (2018) papers.
BASES: dict[str, Base] = {
    base.name: base
    for base in (
        Base(
            name="mobilenet",
            builder="MobileNet",
            parameters=4_253_864,
            published_top1=0.704,
            smallest_side_px=32,
            default_side_px=160,
            weights_side_px=224,
            scaling="tf",
            alphas=(0.25, 0.5, 0.75, 1.0),
            weights_file="mobilenet_{alpha_name}_224_tf_no_top.h5",
            weights_url="https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/",
        ),
        Base(
            name="mobilenet_v2",
            builder="MobileNetV2",
            parameters=3_538_984,
            published_top1=0.713,
            smallest_side_px=32,
            default_side_px=160,
            weights_side_px=224,
            scaling="tf",
            alphas=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
            weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_224_no_top.h5",
            weights_url="https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/",
            formula=Shipped(
                alpha=0.35,
                side_px=64,
                file="mobilenet_v2_0.35.npz",
                sha256="65ba9e94e3c15db02be328197020765b7d9820972d137caf3953354b8d408759",
                # Source: tools/measure_transfer.py at 64 px.
                transfers=(
                    Transfer(photos="digits", epochs=15, random=0, formula=0, imagenet=0),
                    Transfer(photos="flowers5", epochs=12, random=0, formula=0, imagenet=0),
                    Transfer(photos="glass_or_metal", epochs=12, random=0, formula=0, imagenet=0),
                ),
            ),
        ),
    )
}

# What Keras can compute with here, and how to get it.
_BACKENDS = {
    "tensorflow": "pip install edgetl",
    "jax": "pip install 'edgetl[jax]'",
    "torch": "pip install torch",
}

_SHIPPED_WEIGHTS = Path(__file__).parents[1] / "weights"

# MobileNet spells its widths with underscores. Source: keras.applications.mobilenet, Keras 3.15.
_ALPHA_NAMES = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}


def find(name: str) -> Base:
    """The row of that name.

    Raises:
        ConfigError: unknown name, with the closest known ones.
    """
    if name not in BASES:
        raise unknown("base", name, BASES)
    return BASES[name]


def check(name: str, side_px: int) -> None:
    """Refuse a side that the base cannot take.

    Raises:
        ConfigError: unknown base, or a side below its smallest.
    """
    base = find(name)
    if side_px < base.smallest_side_px:
        raise ConfigError(f"{name} needs photos of at least {base.smallest_side_px} px, got {side_px}")


def published_weights(name: str, alpha: float) -> tuple[str, str]:
    """The file name of the ImageNet weights without their top, and the address it is published at.

    Raises:
        ConfigError: no ImageNet weights were published for this width.
    """
    base = find(name)
    if alpha not in base.alphas:
        widths = ", ".join(str(width) for width in base.alphas)
        raise ConfigError(
            f"{name} has no ImageNet weights for alpha {alpha}",
            hint=f"choose one of {widths}, or train from random weights with --weights none",
        )
    file = base.weights_file.format(alpha=alpha, alpha_name=_ALPHA_NAMES.get(alpha, ""))
    return file, base.weights_url + file


def shipped_weights(name: str, alpha: float) -> Shipped:
    """The weights inside the package for this network.

    Raises:
        ConfigError: there are none for this network and width.
    """
    shipped = find(name).formula
    if shipped is None or shipped.alpha != alpha:
        own = ", ".join(f"{row.name} with alpha {row.formula.alpha}" for row in BASES.values() if row.formula)
        raise ConfigError(
            f"there are no formula weights for {name} with alpha {alpha}",
            hint=f"they exist for {own}; --weights imagenet, none or a file serve others",
        )
    return shipped


def weights_path(name: str, alpha: float, weights: str) -> Path | None:
    """Where the weights lie or will lie: the package, Keras's own cache for published ones, None for random ones.

    Raises:
        ConfigError: no such weights exist for this network and width.
    """
    if weights == "none":
        return None
    if weights == "formula":
        return _SHIPPED_WEIGHTS / shipped_weights(name, alpha).file
    if weights != "imagenet":
        return Path(weights)
    return keras_home() / "models" / published_weights(name, alpha)[0]


def keras_home() -> Path:
    """Keras's own cache folder. Source: keras.src.backend.config.keras_home, Keras 3.15."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def backend() -> str:
    """The package that Keras computes with, as it will be chosen."""
    return os.environ.get("KERAS_BACKEND") or "tensorflow"


def check_backend() -> None:
    """Refuse a backend that Keras does not have, or whose package is not installed.

    Raises:
        ConfigError: `KERAS_BACKEND` names no backend.
        MissingPackage: its package is absent.
    """
    name = backend()
    if name not in _BACKENDS:
        raise unknown("KERAS_BACKEND", name, _BACKENDS)
    if find_spec(name) is None:
        raise MissingPackage(f"KERAS_BACKEND is {name}, which is not installed", hint=_BACKENDS[name])
