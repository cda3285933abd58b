"""Quantization-aware fine-tuning: the network learns with the rounding of its integer file. Child processes only.

BatchNormalization is folded with its inference statistics before anything is trained and stays so. Activation ranges
start from what the calibration photos show, so that a few hundred steps are enough: tfmot's moving average forgets a
thousandth a step, and would need thousands to get away from its -6..6.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgetl.core.network import folding
from edgetl.core.network.description import Network, Weights
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.progress import TrainingListener
from edgetl.engines.tfmot import fit as tfmot_fit
from edgetl.engines.tfmot import integer_export
from edgetl.engines.tfmot.fit import FitHooks, FitResult, RetrainSetup
from edgetl.engines.tfmot.integer_export import PixelScaling, QuantizedNetwork, Range
from edgetl.engines.tfmot.keras2_model import Keras2Model, build_keras2
from edgetl.engines.tfmot.quantize_config import make_layer_wrapper

_BATCH = 16
# A tensor that was zero on every photo still needs a width.
_NARROWEST = 1e-3


class QatModel:
    """A folded network in training: made from calibration photos, trained, exported."""

    def __init__(self, network: Network, calibration: Pixels, scaling: PixelScaling, watch: TrainingListener) -> None:
        self._scaling = scaling.whole()
        self._network = network
        self._plain = build_keras2(network)
        self._ranged = folding.list_calibrated_outputs(network)
        ranges = self._calibrated(calibration, watch)
        self._twin = build_keras2(network, make_layer_wrapper(network))
        for name, (low, high) in ranges.items():
            variables = self._twin.layers[name]._output_quantizer_vars
            variables["min_var"].assign(low)
            variables["max_var"].assign(high)
        self._settle()

    @property
    def plain(self) -> tf_keras.Model:
        """The same network without any rounding, with the weights that it was given."""
        return self._plain.model

    @property
    def model(self) -> tf_keras.Model:
        """The model with fake quantization in it."""
        return self._twin.model

    def scaled(self, pixels: np.ndarray) -> Any:
        """Pixels as the integer file has them after its scaling."""
        low, high = self._scaling.range
        return tf.quantization.fake_quant_with_min_max_args(self._scaling.scaled(pixels), min=low, max=high)

    def fit(self, course: RetrainSetup, watch: TrainingListener) -> FitResult:
        """Train; the model ends with its best epoch, which may be the state in which it began."""
        return tfmot_fit.fit_model(
            self.model, replace(course, scaled=self.scaled), watch, FitHooks(settle=self._settle), what="qat"
        )

    def answers(self, photos: Pixels) -> np.ndarray:
        """float32 [photos, units], with every rounding that the integer file will have."""
        return tfmot_fit.predict_batches(self.model, photos, self.scaled)

    def export(self, folder: Path) -> None:
        """Write the SavedModel for the converter; from here on the model has the biases that the file has."""
        learned = self._network.replace_weights({name: self._weights(name) for name in self._kernels()})
        ranges = {name: self._range(name) for name in self._ranged}
        whole = integer_export.round_to_grid(learned, {learned.nodes[0].name: self._scaling.range, **ranges})
        for node in whole.nodes:
            if len(node.weights) > 1:
                self._twin.layers[node.name].layer.bias.assign(node.weights[1])
        integer_export.export_integer_model(
            QuantizedNetwork(network=whole, twin=self._plain, ranges=ranges), self._scaling, folder
        )

    def _calibrated(self, photos: Pixels, watch: TrainingListener) -> dict[str, Range]:
        """The smallest and the largest number of each ranged output over all photos, zero always within."""
        seen = _reach(self._plain, self._ranged)
        lows, highs = np.zeros(len(self._ranged)), np.zeros(len(self._ranged))
        watch.begin("calibrate", len(photos))
        for start in range(0, len(photos), _BATCH):
            rows = np.minimum(np.arange(start, start + _BATCH), len(photos) - 1)
            low, high = seen(tf.constant(self.scaled(photos.rows(rows))))
            lows, highs = np.minimum(lows, low), np.maximum(highs, high)
            watch.step(min(_BATCH, len(photos) - start), "")
        highs = np.maximum(highs, lows + _NARROWEST)
        return {name: (float(lows[at]), float(highs[at])) for at, name in enumerate(self._ranged)}

    def _settle(self) -> None:
        """Give every kernel the range that it has now; the last step left that of the step before."""
        for name in self._kernels():
            (kernel, quantizer, variables), *_ = self._twin.layers[name]._weight_vars
            low, high = quantizer.ranges(kernel)
            variables["min_var"].assign(low)
            variables["max_var"].assign(high)

    def _kernels(self) -> list[str]:
        return [node.name for node in self._network.nodes if node.kind in folding.CONVOLUTIONS]

    def _weights(self, name: str) -> Weights:
        layer = self._twin.layers[name]
        kernel = layer._weight_vars[0][0].numpy()
        return (kernel, layer.layer.bias.numpy()) if layer.layer.use_bias else (kernel,)

    def _range(self, name: str) -> Range:
        variables = self._twin.layers[name]._output_quantizer_vars
        return float(variables["min_var"].numpy()), float(variables["max_var"].numpy())


def _reach(plain: Keras2Model, names: tuple[str, ...]) -> Callable[[Any], tuple[np.ndarray, np.ndarray]]:
    """Photos → the smallest and the largest number of each named layer's output."""
    probe = tf_keras.Model(plain.model.input, [plain.layers[name].output for name in names])

    def ends(photos: Any) -> tuple[Any, Any]:
        outputs = tf.nest.flatten(probe(photos, training=False))
        return tf.stack([tf.reduce_min(out) for out in outputs]), tf.stack([tf.reduce_max(out) for out in outputs])

    compiled = tf.function(ends)
    return lambda photos: tuple(end.numpy() for end in compiled(photos))
