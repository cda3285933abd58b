"""The temperature of a quantization-aware model, fitted to the logits that its file computes. Child process only.

The training starts from a model with a temperature, and ends with weights that are more sure of the training photos.
"""

import numpy as np

from edgetl.core.evaluation import metrics
from edgetl.core.photos.labelled import LabelledPhotos
from edgetl.core.rejection.temperature import (
    TemperatureFit,
    compute_log_loss,
    compute_softmax,
    fit_temperature,
    pair_logits,
)
from edgetl.engines.tfmot.qat import QatModel


def fold_qat_temperature(model: QatModel, validation: LabelledPhotos, activation: str) -> TemperatureFit:
    """Fit the temperature, and divide the logits of a model by it, in place. No prediction changes.

    Args:
        model: after its training, and before its export.
        validation: photos that the weights were not trained on.
        activation: "softmax" or "sigmoid".
    """
    logits, labels = model.predict_logits(validation).astype(np.float64), validation.labels
    shape = logits.shape
    # One sigmoid unit for two classes, or one for each label.
    if activation == "sigmoid":
        logits, labels = pair_logits(logits), labels.reshape(-1)

    def compute_error(temperature: float) -> float:
        scores = compute_softmax(logits / temperature)
        scores = metrics.expand_sigmoid(scores[:, 1].reshape(shape)) if activation == "sigmoid" else scores
        return metrics.compute_calibration_error(scores, validation.labels)

    temperature = fit_temperature(logits, labels)
    model.divide_logits(temperature)
    return TemperatureFit(
        temperature=temperature,
        photos=shape[0],
        log_loss=(compute_log_loss(logits, labels), compute_log_loss(logits / temperature, labels)),
        calibration_error=(compute_error(1.0), compute_error(temperature)),
        changed=0,
    )
