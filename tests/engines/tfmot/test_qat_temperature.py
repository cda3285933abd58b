"""qat_temperature.py: the temperature that suits the logits, and the file's probabilities with it."""

from typing import Any

import numpy as np
import pytest


class LogitModel:
    """Stands for a quantization-aware model whose logits are too large by a factor."""

    def __init__(self, logits: np.ndarray) -> None:
        self.logits = logits

    def predict_logits(self, photos: Any) -> np.ndarray:
        return self.logits

    def divide_logits(self, temperature: float) -> None:
        self.logits = self.logits / temperature


def fold(activation: str) -> dict[str, Any]:
    from edgetl.core.photos.labelled import LabelledPhotos
    from edgetl.core.rejection.temperature import compute_softmax, pair_logits
    from edgetl.engines.tfmot.qat_temperature import fold_qat_temperature
    from tests.engines.tfmot.test_qat_temperature import LogitModel
    from tests.fixtures.photos import ArrayPixels

    generator = np.random.default_rng(0)
    units = 1 if activation == "sigmoid" else 3
    logits = generator.normal(size=(2000, units)) * 2
    true = compute_softmax(pair_logits(logits) if units == 1 else logits)
    labels = np.array([generator.choice(len(row), p=row) for row in true])
    sha256s = [str(row) for row in range(len(labels))]
    photos = LabelledPhotos(pixels=ArrayPixels(np.zeros((2000, 1, 1, 3), np.uint8)), labels=labels, sha256s=sha256s)
    model = LogitModel(logits * 2)
    fitted = fold_qat_temperature(model, photos, activation)
    return {
        "temperature": fitted.temperature,
        "errors": fitted.calibration_error,
        "losses": fitted.log_loss,
        "difference": float(np.abs(model.logits - logits).max() / np.abs(logits).max()),
    }


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_temperature_undoes_a_factor_of_the_logits(keras2, activation):
    result = keras2(fold, activation)
    assert abs(result["temperature"] - 2) < 0.2 and result["difference"] < 0.1
    assert result["errors"][1] < 0.03 < result["errors"][0] and result["losses"][1] < result["losses"][0]
