"""edgetl: a folder of photos in, a verified image classifier for a small device out.

>>> import edgetl
>>> built = edgetl.build("photos", target="raspberry-pi-4")  # doctest: +SKIP
>>> built.verdict.outcome  # doctest: +SKIP
'PASS'

Public names are imported on first use, so that `import edgetl` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetl.api import bench, build, bundle, convert, predict, train, verify
    from edgetl.api_comparison import compare
    from edgetl.api_inspection import inspect
    from edgetl.api_report import report
    from edgetl.api_sweep import sweep
    from edgetl.core.errors import (
        ConfigError,
        ContractBroken,
        DataError,
        EdgetlError,
        InternalError,
        MissingPackage,
        StageError,
    )
    from edgetl.core.recipe.resolve import resolve_recipe
    from edgetl.core.recipe.tables import Recipe
    from edgetl.core.records import Artifact, Bundle, Dataset, Trained
    from edgetl.core.report.predictions import Predicted
    from edgetl.core.verdict_records import Verdict
    from edgetl.pipeline.build import Built
    from edgetl.pipeline.devices import Measured
    from edgetl.pipeline.pages.comparison import ComparisonReport
    from edgetl.pipeline.pages.inspection import Inspected
    from edgetl.pipeline.pages.report import Report
    from edgetl.pipeline.sweep.sweep_run import Swept

_MODULES = {
    "edgetl.api": ("bench", "build", "bundle", "convert", "predict", "train", "verify"),
    "edgetl.api_comparison": ("compare",),
    "edgetl.api_inspection": ("inspect",),
    "edgetl.api_report": ("report",),
    "edgetl.api_sweep": ("sweep",),
    "edgetl.core.errors": (
        "ConfigError",
        "ContractBroken",
        "DataError",
        "EdgetlError",
        "InternalError",
        "MissingPackage",
        "StageError",
    ),
    "edgetl.core.recipe.resolve": ("resolve_recipe",),
    "edgetl.core.recipe.tables": ("Recipe",),
    "edgetl.core.records": ("Artifact", "Bundle", "Dataset", "Trained"),
    "edgetl.core.verdict_records": ("Verdict",),
    "edgetl.pipeline.build": ("Built",),
    "edgetl.pipeline.devices": ("Measured",),
    "edgetl.pipeline.pages.comparison": ("ComparisonReport",),
    "edgetl.pipeline.pages.inspection": ("Inspected",),
    "edgetl.pipeline.pages.report": ("Report",),
    "edgetl.pipeline.sweep.sweep_run": ("Swept",),
    "edgetl.core.report.predictions": ("Predicted",),
}

__all__ = [
    "Artifact",
    "Built",
    "Bundle",
    "ComparisonReport",
    "ConfigError",
    "ContractBroken",
    "DataError",
    "Dataset",
    "EdgetlError",
    "Inspected",
    "InternalError",
    "Measured",
    "MissingPackage",
    "Predicted",
    "Recipe",
    "Report",
    "StageError",
    "Swept",
    "Trained",
    "Verdict",
    "bench",
    "build",
    "bundle",
    "compare",
    "convert",
    "inspect",
    "predict",
    "report",
    "resolve_recipe",
    "sweep",
    "train",
    "verify",
]


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
