"""Models that learn in seconds where to look: where a patch of a colour is, and which digit is drawn."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

PATCH_PX, SIDE_PX = 8, 32
COLOURS = np.array([[220, 40, 40], [40, 220, 40], [40, 40, 220]])


def draw_patches(labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a patch of the colour of each label at a random place of a grey noise.

    Returns:
        uint8 [labels, 32, 32, 3], and the rows and columns of the upper left corners: int64 [labels, 2].
    """
    random = np.random.default_rng(seed)
    photos = np.repeat(random.integers(80, 150, (len(labels), SIDE_PX, SIDE_PX, 1)), 3, axis=3).astype(np.uint8)
    corners = random.integers(0, SIDE_PX - PATCH_PX + 1, (len(labels), 2))
    for photo, label, (row, column) in zip(photos, labels, corners, strict=True):
        photo[row : row + PATCH_PX, column : column + PATCH_PX] = COLOURS[label]
    return photos, corners


def draw_digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return uint8 [count, 32, 32, 3] and int64 [count]: scikit-learn's digits, four times as large."""
    digits = load_digits()
    pixels = np.rint(digits.images[:count] * (255 / 16)).astype(np.uint8)
    return np.repeat(np.kron(pixels, np.ones((4, 4), np.uint8))[..., None], 3, axis=3), digits.target[:count]


def train(make_model: Callable[..., Any], photos: np.ndarray, labels: np.ndarray, epochs: int) -> Any:
    """Train all layers of the small model but its BatchNormalization, whose statistics are those of a long training."""
    model = make_model(classes=int(labels.max()) + 1)
    for layer in model.layers:
        layer.trainable = not layer.name.startswith("bn")
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.optimizer.learning_rate = 0.01
    model.fit(photos, labels, epochs=epochs, batch_size=32, verbose=0, shuffle=False)
    return model
