"""The runtimes and inspectors of the formats, imported when they are called: none of them loads TensorFlow."""

from typing import TYPE_CHECKING, Any

from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.run.lazy import LazyModule

if TYPE_CHECKING:
    # The modules of all formats have the same functions.
    RUNTIMES: dict[FormatName, Any]
    INSPECTORS: dict[FormatName, Any]
    FEATURES: dict[FormatName, Any]
else:
    RUNTIMES = {name: LazyModule(f"edgetl.engines.{name}.runtime") for name in FORMATS}
    FEATURES = {name: LazyModule(f"edgetl.engines.{name}.features") for name in FORMATS}
    INSPECTORS = {name: LazyModule(f"edgetl.engines.{name}.inspect") for name in FORMATS}
