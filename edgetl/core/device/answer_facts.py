"""The answers of a file on a device → their part of model.json: thresholds, bounds, and those to the golden photos.

The golden answers are computed by the program answers.py of the bundle itself, which is loaded here: the device then
has the same code, and differs in the numbers of its kernels only.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from edgetl.core.device.target_search import locate_shipped_targets
from edgetl.core.evaluation import metrics
from edgetl.core.formats import FORMATS
from edgetl.core.methods import find_method
from edgetl.core.records import Artifact
from edgetl.core.rejection.records import AnswerRule

FEATURES_FILE = "features.npy"

# The similarities of 862 test photos on XNNPACK differ by at most 4e-7 from those on the reference kernels of LiteRT,
# in a float32 file, and by at most 0.033 in an int8 file, whose kernels round differently.
_FLOAT_TOLERANCE = 1e-4
_ROUNDED_TOLERANCE = 0.04


@cache
def load_answer_program() -> Any:
    """Load answers.py of the bundles as a module."""
    path = locate_shipped_targets() / "common" / "answers.py"
    specification = importlib.util.spec_from_file_location("edgetl_answers", path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def describe_answer_rule(rule: AnswerRule, *, multi_label: bool) -> dict[str, Any]:
    """Return the thresholds and their bounds. A file with several labels has no threshold below which it is unsure.

    Args:
        rule: the thresholds.
        multi_label: whether a photo may have several labels, each of which has a threshold of its own.
    """
    unsure = {"least_probability": rule.selective.threshold}
    bounds = {"error": rule.selective.error_bound, "confidence": rule.selective.confidence}
    return {
        "reference": FEATURES_FILE,
        "least_similarities": rule.least_similarities,
        **({} if multi_label else unsure),
        "bounds": {"rejected_own": rule.rejected_share, **({} if multi_label else bounds)},
    }


def compute_answers(
    facts: Mapping[str, Any], reference: np.ndarray, scores: np.ndarray, features: np.ndarray
) -> list[Any]:
    """Compute the answers to photos as a device does.

    Args:
        facts: of model.json: "answers", and "output" with labels and thresholds.
        reference: int8 [references, features].
        scores: float [photos, units], the first output of the file, dequantized.
        features: float [photos, features], its second output.

    Returns:
        An Answer of answers.py for each photo.
    """
    thresholds = load_answer_program().Thresholds(facts, reference)
    labels: Sequence[str] = facts["output"]["labels"]
    return [
        thresholds.answer(dict(zip(labels, map(float, row), strict=True)), photo_features)
        for row, photo_features in zip(metrics.expand_sigmoid(scores), features, strict=True)
    ]


def compute_similarity_tolerance(artifact: Artifact) -> float:
    """Return how much similarities on a device may differ from those of the build, -1..1."""
    return _ROUNDED_TOLERANCE if artifact.output.scale or rounds_activations(artifact) else _FLOAT_TOLERANCE


def rounds_activations(artifact: Artifact) -> bool:
    """Return whether the kernels of a file round activations to 8 bits, which processors do differently."""
    method, row = find_method(artifact.method), FORMATS[artifact.format]
    integer = method.weights == "int8" and method.activations != "int16"
    return integer and (method.calibrated or row.dynamic_rounds)
