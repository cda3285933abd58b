"""The options of a build: name, type, default, help, and the recipe value that each sets.

The command line and the Python API are both made from these classes, so they have the same names and defaults. None
means that an option is not set: then the recipe or the target decides.
"""

from edgetl.pipeline.options.build import (
    AnswerOptions,
    BuildOptions,
    ContractOptions,
    CrossFitOptions,
    RecipeOptions,
    TargetOptions,
    TrainOptions,
)
from edgetl.pipeline.options.cluster import ClusterOptions
from edgetl.pipeline.options.model import (
    ClassifierOptions,
    ExternalOptions,
    InspectOptions,
    ModelOptions,
    PhotosOptions,
)
from edgetl.pipeline.options.option import Option, collect_tables, list_options, map_options, name_option
from edgetl.pipeline.options.sweep import SweepOptions
from edgetl.pipeline.options.training import RetrainOptions, TrainingOptions

__all__ = [
    "AnswerOptions",
    "BuildOptions",
    "ClassifierOptions",
    "ClusterOptions",
    "ContractOptions",
    "CrossFitOptions",
    "ExternalOptions",
    "InspectOptions",
    "ModelOptions",
    "Option",
    "PhotosOptions",
    "RecipeOptions",
    "RetrainOptions",
    "SweepOptions",
    "TargetOptions",
    "TrainOptions",
    "TrainingOptions",
    "collect_tables",
    "list_options",
    "map_options",
    "name_option",
]
