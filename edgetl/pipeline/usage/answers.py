"""The answers of a classifier, a label, "unsure" or "none of these", as answers.py of its bundle gives them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgetl.core.device.answer_facts import FEATURES_FILE, compute_answers, load_answer_program
from edgetl.core.device.bundle_reading import Classifier
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.evaluation import metrics
from edgetl.core.formats import KernelSet
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.report.predictions import PhotoAnswer
from edgetl.core.storage.files import hash_file
from edgetl.pipeline.usage import runtimes


def describe_facts(classifier: Classifier) -> dict[str, Any]:
    """Return "output", and "answers" where the classifier has reference features, as model.json has them."""
    thresholds = {"thresholds": list(classifier.thresholds)} if classifier.thresholds else {}
    facts: dict[str, Any] = {"output": {"labels": list(classifier.classes), **thresholds}}
    if classifier.reference is not None:
        facts["answers"] = {
            "reference": FEATURES_FILE,
            "least_similarities": classifier.reference.least_similarities,
            "least_probability": classifier.reference.least_probability,
        }
    return facts


def predict_scores_and_features(
    classifier: Classifier, photos: Pixels, kernels: KernelSet
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the probabilities [photos, classes], and the features [photos, features] where answers need them."""
    if classifier.reference is None:
        runtime = runtimes.RUNTIMES[classifier.format]
        return metrics.expand_sigmoid(
            runtime.predict_file(classifier.path, photos, kernels, lambda _: None).scores
        ), None
    engine = runtimes.FEATURES[classifier.format]
    both = engine.predict_features(classifier.path, photos, kernels, lambda _: None)
    return metrics.expand_sigmoid(both.scores), both.features


def answer_photos(
    classifier: Classifier, scores: np.ndarray, features: np.ndarray | None
) -> Sequence[PhotoAnswer | None]:
    """Return the answer to each photo; None for each, where the classifier has no reference features.

    Args:
        classifier: the file.
        scores: float [photos, classes].
        features: float [photos, features]; None without reference features.

    Raises:
        ConfigError: the reference features do not fit the file.
        StageError: they changed since the bundle was checked.
    """
    if classifier.reference is None or features is None:
        return [None] * len(scores)
    facts, reference = describe_facts(classifier), read_reference(classifier)
    if reference.shape[1] != features.shape[1]:
        message = f"the model has {features.shape[1]} features, and {FEATURES_FILE} {reference.shape[1]}"
        raise ConfigError(message, where=(classifier.reference.path,))
    thresholds = load_answer_program().Thresholds(facts, reference)
    return [
        PhotoAnswer(**answer.to_json(), text=answer.describe(), reason=thresholds.explain(answer))
        for answer in compute_answers(facts, reference, scores, features)
    ]


def read_reference(classifier: Classifier) -> np.ndarray:
    """Read the reference features of a classifier that has some: int8 [references, features].

    Raises:
        ConfigError: the file contains anything else.
        StageError: it changed since the bundle was checked.
    """
    assert classifier.reference is not None
    path = classifier.reference.path
    if hash_file(path) != classifier.reference.sha256:
        raise StageError("the reference features changed since they were checked", where=(path,))
    try:
        reference: np.ndarray = load_answer_program().load_reference(path.parent)
    except ValueError as error:
        raise ConfigError(str(error), where=(path,)) from error
    return reference
