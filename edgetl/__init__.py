"""edgetl: a folder of photos in, a verified model for a small board out.

The public names, each imported on first use, so that `import edgetl` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetl.core.errors import ConfigError, ContractBroken, DataError, EdgetlError, MissingPackage, StageError
    from edgetl.core.recipe.resolve import resolve_recipe
    from edgetl.core.recipe.tables import Recipe
    from edgetl.core.records import Artifact, Bundle, Dataset, Trained
    from edgetl.core.verdict_records import Verdict
    from edgetl.pipeline.build import Built
    from edgetl.pipeline.order import Order

_PLACES = {
    "edgetl.pipeline.build": ("Built",),
    "edgetl.core.errors": (
        "ConfigError",
        "ContractBroken",
        "DataError",
        "EdgetlError",
        "MissingPackage",
        "StageError",
    ),
    "edgetl.core.recipe.resolve": ("resolve_recipe",),
    "edgetl.core.recipe.tables": ("Recipe",),
    "edgetl.core.records": ("Artifact", "Bundle", "Dataset", "Trained"),
    "edgetl.core.verdict_records": ("Verdict",),
    "edgetl.pipeline.order": ("Order",),
}

__all__ = [
    "Artifact",
    "Built",
    "Bundle",
    "ConfigError",
    "ContractBroken",
    "DataError",
    "Dataset",
    "EdgetlError",
    "MissingPackage",
    "Order",
    "Recipe",
    "StageError",
    "Trained",
    "Verdict",
    "resolve_recipe",
]


def __getattr__(name: str) -> object:
    for module, names in _PLACES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
