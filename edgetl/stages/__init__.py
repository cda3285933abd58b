"""One verb, one public function, record in → record out. Stages never import each other.

Each is imported when it is first used: a build that finds everything done must not load TensorFlow to say so.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetl.stages import (
        adopt,
        bench,
        bundle,
        calibrate,
        convert,
        deploy,
        doctor,
        embedded,
        ingest,
        pair,
        retrain,
        score,
        train,
        translate,
        verify,
    )

__all__ = [
    "adopt",
    "bench",
    "bundle",
    "calibrate",
    "convert",
    "deploy",
    "doctor",
    "embedded",
    "ingest",
    "pair",
    "retrain",
    "score",
    "train",
    "translate",
    "verify",
]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")
