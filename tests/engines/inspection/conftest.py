"""Features of three classes in clouds, some of them with wrong labels."""

from typing import Any

import numpy as np
import pytest

from edgetl.core.photos.parts.folds import assign_folds
from edgetl.core.records import Photo


@pytest.fixture
def make_clouds() -> Any:
    """Return a function: photos, distance of the classes in deviations, seed → features and labels."""

    def make(photos: int = 240, distance: float = 3.0, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(seed)
        labels = np.arange(photos, dtype=np.int64) % 3
        centres = np.abs(generator.normal(0, 1, (3, 32))) * distance
        return (np.abs(generator.normal(0, 1, (photos, 32)) + centres[labels]).astype(np.float32), labels)

    return make


@pytest.fixture
def divide() -> Any:
    """Return a function: labels, groups → three divisions into five folds."""

    def divide(labels: np.ndarray, groups: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        photos = [Photo(path="", label=int(label), sha256=f"{row:064x}") for row, label in enumerate(labels)]
        numbers = np.arange(len(labels)) if groups is None else groups
        return tuple(assign_folds(photos, numbers, 5, seed) for seed in (1, 2, 3))

    return divide
