"""Quantization-aware training: a network learns with the rounding of its integer file. Child process only.

BatchNormalization is folded with its inference statistics before the training, and stays folded. Activation ranges
start from calibration photos, so that a few hundred steps are enough. tfmot starts them at -6..6 and updates them by a
moving average with a decay of 0.999 per step, which takes thousands of steps to converge.

Source of the decay: MovingAvgQuantize in tensorflow_model_optimization/python/core/quantization/keras/quant_ops.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from edgetl.core.network import folding
from edgetl.core.network.description import Network, Node, Weights
from edgetl.core.network.training_split import count_trained_layers, find_split_layer
from edgetl.core.photos.labelled import LabelledPhotos
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.progress import TrainingListener
from edgetl.core.storage.feature_store import compute_budget_bytes
from edgetl.engines.tfmot import fit, integer_export
from edgetl.engines.tfmot.fit import FitHooks, FitResult, RetrainSetup
from edgetl.engines.tfmot.frozen_outputs import FrozenOutputs, ModelInputs, ScaledPhotos
from edgetl.engines.tfmot.integer_export import PixelScaling, QuantizedNetwork, Range
from edgetl.engines.tfmot.keras2_model import Keras2Model, build_keras2
from edgetl.engines.tfmot.quantize_config import make_layer_wrapper

_CALIBRATION_BATCH_SIZE = 16
# A batch of 64 takes a quarter more processor time for each photo: its activations fill the cache of the processor.
_FROZEN_BATCH_SIZE = 32
# A tensor that is zero for every calibration photo needs a positive quantization scale as well.
_SMALLEST_RANGE = 1e-3
# Names of the variables of an output range.
_RANGE = ("min_var", "max_var")


class QatModel:
    """A folded network with fake quantization.

    Args:
        network: from `folding.fold_batch_norm`.
        calibration: photos that set the initial activation ranges.
        scaling: input scaling of the network.
        listener: is called with the progress of the calibration.
    """

    def __init__(
        self, network: Network, calibration: Pixels, scaling: PixelScaling, listener: TrainingListener
    ) -> None:
        self._scaling = scaling.quantize()
        self._network = network
        self._float = build_keras2(network)
        self._calibrated_outputs = folding.list_calibrated_outputs(network)
        ranges = self._calibrate(calibration, listener)
        self._quantized = build_keras2(network, make_layer_wrapper(network))
        for name, (low, high) in ranges.items():
            variables = self._quantized.layers[name]._output_quantizer_vars
            variables["min_var"].assign(low)
            variables["max_var"].assign(high)
        self._update_weight_ranges()
        # What predicts photos: all layers, or after `fit` those above the frozen ones.
        self._inputs: ModelInputs = ScaledPhotos(self.scale_pixels)
        self._input_tensor = self.model.input

    @property
    def float_model(self) -> tf_keras.Model:
        """Return the same network without fake quantization, with its initial weights."""
        return self._float.model

    @property
    def model(self) -> tf_keras.Model:
        """Return the network with fake quantization. Its input is the output of `scale_pixels`."""
        return self._quantized.model

    def scale_pixels(self, pixels: np.ndarray) -> Any:
        """Scale uint8 [photos, side, side, 3] and round as the integer file does; return float32 of the same shape."""
        low, high = self._scaling.output_range
        return tf.quantization.fake_quant_with_min_max_args(self._scaling.apply(pixels), min=low, max=high)

    def fit(self, setup: RetrainSetup, listener: TrainingListener) -> FitResult:
        """Train the upper layers; the model ends with the weights of the best epoch, epoch 0 included."""
        split = find_split_layer(self._network, setup.recipe.retrain.trained_layers)
        trained, weighted = count_trained_layers(self._network, split)
        place = f", above {split}" if split else ""
        listener.say(f"  qat: trains {trained} of {weighted} layers with weights{place}")
        if split:
            self._freeze(split, setup)
        hooks = FitHooks(before_validation=self._update_weight_ranges)
        upper = tf_keras.Model(self._input_tensor, self.model.output)
        return fit.fit_model(upper, replace(setup, inputs=self._inputs), listener, hooks, kind="qat")

    def predict(self, photos: LabelledPhotos) -> np.ndarray:
        """Predict photos with the rounding of the integer file; return float32 [photos, units]."""
        return self._predict_output(self.model.output, photos)

    def predict_logits(self, photos: LabelledPhotos) -> np.ndarray:
        """Predict the input of the softmax or the sigmoid, as the integer file rounds it: float32 [photos, units]."""
        return self._predict_output(self._quantized.layers[self._find_logits()].get_output_at(0), photos)

    def divide_logits(self, temperature: float) -> None:
        """Divide the last weights, their bias and the range of their output by a temperature.

        All scales of the layer change by one factor, so the integers of the file stay the same: no prediction changes.
        """
        name = self._find_logits()
        wrapper = self._quantized.layers[name]
        variables = [wrapper._weight_vars[0][0], wrapper.layer.bias, *map(wrapper._output_quantizer_vars.get, _RANGE)]
        for variable in variables:
            variable.assign(variable / temperature)
        self._update_weight_ranges()

    def export(self, folder: Path) -> None:
        """Write the SavedModel for the converters, and round the biases of this model as those of the file."""
        rounded, ranges = self._round_weights()
        self._assign_biases(rounded.nodes)
        # Exported without fake quantization of weights: the rounded ones are on their grid already.
        quantized = QuantizedNetwork(network=rounded, keras2=self._float, ranges=ranges)
        integer_export.export_integer_model(quantized, self._scaling, folder)

    def _freeze(self, split: str, setup: RetrainSetup) -> None:
        """Freeze the layers up to one of them, and keep what they output for photos that are needed more than once.

        They compute as they do in a prediction: with rounded weights, and with ranges that stay as they are. Setting
        `trainable` of these layers would not freeze them: the wrappers of tfmot list their weights as trainable all the
        same. Their biases are rounded as `export` rounds them, so that the file has the outputs that are kept.
        """
        positions = {node.name: position for position, node in enumerate(self._network.nodes)}
        self._assign_biases(self._round_weights()[0].nodes[: positions[split] + 1])
        # The first output: the layers above get a second one from the model of the trained layers.
        self._input_tensor = self._quantized.layers[split].get_output_at(0)
        predict_split = fit.make_prediction_function(tf_keras.Model(self.model.input, self._input_tensor))

        def compute_outputs(pixels: np.ndarray) -> np.ndarray:
            starts = range(0, len(pixels), _FROZEN_BATCH_SIZE)
            batches = [self.scale_pixels(pixels[start : start + _FROZEN_BATCH_SIZE]) for start in starts]
            return np.concatenate([predict_split(batch).numpy() for batch in batches])

        training = setup.recipe.training
        budget_bytes = compute_budget_bytes(training.cache_bytes) if training.feature_cache else 0
        shape = tuple(self._input_tensor.shape[1:])
        self._inputs = FrozenOutputs(compute_outputs, shape, fit.list_repeated_keys(setup), budget_bytes)

    def _predict_output(self, output: Any, photos: LabelledPhotos) -> np.ndarray:
        predict = fit.make_prediction_function(tf_keras.Model(self._input_tensor, output))
        return fit.predict_batches(predict, photos, self._inputs)

    def _round_weights(self) -> tuple[Network, dict[str, Range]]:
        """Return the network with its current weights as the integer file stores them, and the activation ranges."""
        learned = self._network.replace_weights({name: self._read_weights(name) for name in self._list_weighted()})
        ranges = {name: self._read_range(name) for name in self._calibrated_outputs}
        input_range = {learned.nodes[0].name: self._scaling.output_range}
        return integer_export.round_to_grid(learned, {**input_range, **ranges}), ranges

    def _assign_biases(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            if len(node.weights) > 1:
                self._quantized.layers[node.name].layer.bias.assign(node.weights[1])

    def _calibrate(self, photos: Pixels, listener: TrainingListener) -> dict[str, Range]:
        """Compute the lowest and highest value of each calibrated output over all photos, 0 included.

        The integer kernels need 0 in the range: it is the value of padding.
        """
        measure_ranges = _make_range_probe(self._float, self._calibrated_outputs)
        lows, highs = np.zeros(len(self._calibrated_outputs)), np.zeros(len(self._calibrated_outputs))
        listener.begin("calibrate", len(photos))
        for start in range(0, len(photos), _CALIBRATION_BATCH_SIZE):
            # The last batch is filled up with the last photo, because another batch size would trace the probe again.
            rows = np.minimum(np.arange(start, start + _CALIBRATION_BATCH_SIZE), len(photos) - 1)
            low, high = measure_ranges(tf.constant(self.scale_pixels(photos.rows(rows))))
            lows, highs = np.minimum(lows, low), np.maximum(highs, high)
            listener.step(min(_CALIBRATION_BATCH_SIZE, len(photos) - start), "")
        highs = np.maximum(highs, lows + _SMALLEST_RANGE)
        return {name: (float(lows[row]), float(highs[row])) for row, name in enumerate(self._calibrated_outputs)}

    def _update_weight_ranges(self) -> None:
        """Set the ranges of all weights to those of their current values.

        tfmot sets them in the forward pass of a training step, before the optimizer changes the weights. An evaluation
        would clip the weights to ranges that are one step old.
        """
        for name in self._list_weighted():
            (weights, quantizer, variables), *_ = self._quantized.layers[name]._weight_vars
            low, high = quantizer.compute_ranges(weights)
            variables["min_var"].assign(low)
            variables["max_var"].assign(high)

    def _find_logits(self) -> str:
        # The folded network has the softmax or the sigmoid of the head as a layer of its own.
        return self._network.nodes[-1].inputs[0]

    def _list_weighted(self) -> list[str]:
        return [node.name for node in self._network.nodes if node.kind in folding.CONVOLUTIONS]

    def _read_weights(self, name: str) -> Weights:
        wrapper = self._quantized.layers[name]
        # In the wrapped layer, tfmot has replaced the variable by the fake-quantized tensor.
        weights = wrapper._weight_vars[0][0].numpy()
        return (weights, wrapper.layer.bias.numpy()) if wrapper.layer.use_bias else (weights,)

    def _read_range(self, name: str) -> Range:
        variables = self._quantized.layers[name]._output_quantizer_vars
        return float(variables["min_var"].numpy()), float(variables["max_var"].numpy())


def _make_range_probe(keras2: Keras2Model, names: tuple[str, ...]) -> Callable[[Any], tuple[np.ndarray, np.ndarray]]:
    """Make a function that computes the lowest and highest value of each named layer's output for a batch of photos."""
    probe = tf_keras.Model(keras2.model.input, [keras2.layers[name].output for name in names])

    def compute_extremes(photos: Any) -> tuple[Any, Any]:
        # A model with one output returns a tensor instead of a list.
        outputs = tf.nest.flatten(probe(photos, training=False))
        lows = tf.stack([tf.reduce_min(output) for output in outputs])
        return lows, tf.stack([tf.reduce_max(output) for output in outputs])

    compiled = tf.function(compute_extremes)
    return lambda photos: tuple(values.numpy() for values in compiled(photos))
