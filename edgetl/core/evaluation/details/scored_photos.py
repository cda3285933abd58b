"""Scores of reference and artifact for the same photos, as a verdict needs them."""

from dataclasses import dataclass

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.records import Photo
from edgetl.core.tasks.task import PhotoTask


# Compared by identity: arrays have no truth value that a generated __eq__ could use.
@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredPhotos:
    """Scores of reference and artifact for each photo of one part.

    Attributes:
        method: conversion method of the artifact.
        artifact_sha256: hash of the artifact.
        part: name of the part.
        photos: the photos.
        classes: class names.
        reference: float [photos, classes], probabilities in the order of `photos` and `classes`.
        artifact: float [photos, classes], likewise.
        host_ms: latency of the artifact for one photo on this host.
        host_disturbed: whether other processes disturbed its measurement.
        task: what is decided about a photo.
        temperature: that of the reference, which its scores contain; 1 for none.
    """

    method: str
    artifact_sha256: str
    part: str
    photos: tuple[Photo, ...]
    classes: tuple[str, ...]
    reference: np.ndarray
    artifact: np.ndarray
    host_ms: float
    host_disturbed: bool
    task: PhotoTask = metrics.ONE_CLASS
    temperature: float = 1.0
