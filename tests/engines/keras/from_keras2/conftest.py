"""Models that Keras 2 saved, written once by a process with Keras 2."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# One of each kind. The others are slow tests.
FAST_NAMES = (
    *("layer/conv_hard_sigmoid", "layer/bidirectional", "layer/separable", "layer/normalization_given"),
    *("layer/time_distributed", "layer/multi_head_attention_causal", "layer/augmentation"),
    *("function/preprocess_torch", "function/arithmetic", "network/nested", "network/sequential"),
)


@pytest.fixture(scope="session")
def zoo(make_once: Callable[..., Path], keras2: Callable[..., Any]) -> Path:
    """Return a folder with the models of `FAST_NAMES`: see `tools/keras2_zoo.py`."""
    return make_once("zoo", lambda folder: keras2("tools.keras2_zoo.write_zoo", folder, FAST_NAMES))
