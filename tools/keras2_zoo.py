#!/usr/bin/env python3
"""Layers and networks as Keras 2 saves them, with what Keras 2 predicts: python -m tools.keras2_zoo OUT [NAME ...].

For each name: NAME.h5 and NAME.keras, NAME.npz with random photos and the outputs of Keras 2, and for both files the
network as the child process of edgetl reads it (`edgetl.engines.keras2_graph`). All weights are random.
"""

# ruff: noqa: PLW0108  (a layer is made when its model is: a layer of an earlier model has its state)
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# Some layers of tf_keras look up others in TensorFlow, where Keras 3 is without this.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow as tf
import tf_keras as keras

from edgetl.engines.keras2.describe import describe_keras2
from edgetl.engines.keras2.load import load_keras2
from edgetl.engines.keras2_graph import save_graph

L = keras.layers
SIDE = 24
Make = Callable[[], keras.Model]


def finish(tensor: Any) -> Any:
    """End a network: pool what is left, and output logits, which show any difference."""
    while len(tensor.shape) > 2:
        tensor = L.GlobalAveragePooling1D()(L.Reshape((-1, tensor.shape[-1]))(tensor))
    return L.Dense(3)(tensor)


def photo_layer(make: Callable[[], Any]) -> Make:
    """A network in which one layer is applied to a feature map [12, 12, 8]."""

    def build() -> keras.Model:
        image = keras.Input((SIDE, SIDE, 3))
        features = L.Conv2D(8, 3, strides=2, padding="same")(L.Rescaling(1 / 255)(image))
        return keras.Model(image, finish(make()(features)))

    return build


def sequence_layer(make: Callable[[], Any]) -> Make:
    """A network in which one layer is applied to a sequence [6, 96]."""

    def build() -> keras.Model:
        image = keras.Input((SIDE, SIDE, 3))
        features = L.Conv2D(4, 4, strides=4)(L.Rescaling(1 / 255)(image))
        return keras.Model(image, finish(make()(L.Reshape((6, 24))(features))))

    return build


def video_layer(make: Callable[[], Any]) -> Make:
    """A network in which one layer is applied to parts of the photo as frames [4, 6, 24, 3]."""

    def build() -> keras.Model:
        image = keras.Input((SIDE, SIDE, 3))
        return keras.Model(image, finish(make()(L.Reshape((4, 6, SIDE, 3))(L.Rescaling(1 / 255)(image)))))

    return build


def raw_photo(function: Callable[[Any], Any]) -> Make:
    """A network in which functions are applied to the raw photo."""

    def build() -> keras.Model:
        image = keras.Input((SIDE, SIDE, 3))
        features = L.Conv2D(6, 3, activation="relu")(function(image))
        return keras.Model(image, finish(features))

    return build


def raw_features(function: Callable[[Any], Any]) -> Make:
    """A network in which functions are applied to a feature map [12, 12, 8]."""
    return photo_layer(lambda: function)


def sequential(*made: Any) -> keras.Model:
    """A Sequential model that is built afterwards."""
    model = keras.Sequential(list(made))
    model.build((None, SIDE, SIDE, 3))
    return model


ACTIVATIONS = (
    *("elu", "exponential", "gelu", "hard_sigmoid", "linear", "mish", "relu", "selu", "sigmoid", "softmax"),
    *("softplus", "softsign", "swish", "tanh"),
)

LAYERS: dict[str, Make] = {
    **{f"activation_{name}": photo_layer(partial(L.Activation, name)) for name in ACTIVATIONS},
    **{f"conv_{name}": photo_layer(partial(L.Conv2D, 5, 3, activation=name)) for name in ACTIVATIONS},
    "activation_tf_relu6": photo_layer(lambda: L.Activation(tf.nn.relu6)),
    "activation_tf_leaky_relu": photo_layer(lambda: L.Activation(tf.nn.leaky_relu)),
    "activation_tf_silu": photo_layer(lambda: L.Conv2D(4, 1, activation=tf.nn.silu)),
    "conv_leaky_layer": photo_layer(lambda: L.Conv2D(5, 3, activation=L.LeakyReLU(0.1))),
    "dense_leaky_name": photo_layer(lambda: L.Dense(5, activation="LeakyReLU")),
    "leaky_relu": photo_layer(lambda: L.LeakyReLU()),
    "leaky_relu_alpha": photo_layer(lambda: L.LeakyReLU(alpha=0.07)),
    "elu_layer": photo_layer(lambda: L.ELU(0.5)),
    "prelu": photo_layer(lambda: L.PReLU()),
    "prelu_shared": photo_layer(lambda: L.PReLU(shared_axes=[1, 2])),
    "relu_arguments": photo_layer(lambda: L.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.2)),
    "thresholded_relu": photo_layer(lambda: L.ThresholdedReLU(0.3)),
    "softmax_axis": photo_layer(lambda: L.Softmax(axis=1)),
    "softmax_axes": photo_layer(lambda: L.Softmax(axis=[1, 2])),
    "conv_arguments": photo_layer(lambda: L.Conv2D(8, (3, 2), dilation_rate=2, groups=2, use_bias=False)),
    "conv_same_strides": photo_layer(lambda: L.Conv2D(8, 4, strides=(2, 3), padding="same")),
    "conv_regularized": photo_layer(
        lambda: L.Conv2D(4, 3, kernel_regularizer="l2", kernel_constraint="max_norm", activity_regularizer="l1")
    ),
    "conv_transpose": photo_layer(
        lambda: L.Conv2DTranspose(5, 3, strides=2, padding="same", activation="hard_sigmoid")
    ),
    "conv_transpose_padding": photo_layer(lambda: L.Conv2DTranspose(5, 3, strides=2, output_padding=1)),
    "conv_transpose_dilated": photo_layer(lambda: L.Conv2DTranspose(5, 3, dilation_rate=2)),
    "depthwise": photo_layer(lambda: L.DepthwiseConv2D(3, depth_multiplier=2, activation="hard_sigmoid")),
    "depthwise_strides": photo_layer(lambda: L.DepthwiseConv2D(3, strides=2, padding="same")),
    "separable": photo_layer(lambda: L.SeparableConv2D(5, 3, depth_multiplier=2, activation="hard_sigmoid")),
    "dense_hard_sigmoid": photo_layer(lambda: L.Dense(5, activation="hard_sigmoid")),
    "einsum_dense": photo_layer(
        lambda: L.EinsumDense("abcd,de->abce", (None, None, 6), bias_axes="e", activation="hard_sigmoid")
    ),
    "batch_normalization": photo_layer(lambda: L.BatchNormalization()),
    "batch_normalization_bare": photo_layer(lambda: L.BatchNormalization(center=False, scale=False, epsilon=1e-2)),
    "batch_normalization_axis": photo_layer(lambda: L.BatchNormalization(axis=1)),
    "batch_normalization_renorm": photo_layer(lambda: L.BatchNormalization(renorm=True)),
    "sync_batch_normalization": photo_layer(lambda: L.BatchNormalization(synchronized=True)),
    "layer_normalization": photo_layer(lambda: L.LayerNormalization()),
    "layer_normalization_axes": photo_layer(lambda: L.LayerNormalization(axis=[1, 2, 3], epsilon=1e-6)),
    "layer_normalization_bare": photo_layer(lambda: L.LayerNormalization(center=False, scale=False)),
    "group_normalization": photo_layer(lambda: L.GroupNormalization(4)),
    "instance_normalization": photo_layer(lambda: L.GroupNormalization(-1)),
    "unit_normalization": photo_layer(lambda: L.UnitNormalization()),
    "spectral_normalization": photo_layer(lambda: L.SpectralNormalization(L.Conv2D(4, 3))),
    "max_pooling": photo_layer(lambda: L.MaxPooling2D(3, 2, padding="same")),
    "average_pooling": photo_layer(lambda: L.AveragePooling2D(3, 2, padding="same")),
    "global_pooling_keepdims": photo_layer(lambda: L.GlobalAveragePooling2D(keepdims=True)),
    "global_max_pooling": photo_layer(lambda: L.GlobalMaxPooling2D()),
    "zero_padding": photo_layer(lambda: L.ZeroPadding2D(((1, 2), (0, 3)))),
    "cropping": photo_layer(lambda: L.Cropping2D(((1, 2), (0, 3)))),
    "up_sampling": photo_layer(lambda: L.UpSampling2D((2, 3))),
    "up_sampling_bilinear": photo_layer(lambda: L.UpSampling2D(2, interpolation="bilinear")),
    "up_sampling_bicubic": photo_layer(lambda: L.UpSampling2D(2, interpolation="bicubic")),
    "flatten": photo_layer(lambda: L.Flatten()),
    "flatten_channels_first": photo_layer(lambda: L.Flatten(data_format="channels_first")),
    "permute": photo_layer(lambda: L.Permute((3, 1, 2))),
    "reshape": photo_layer(lambda: L.Reshape((-1, 16))),
    "dropouts": photo_layer(
        lambda: keras.Sequential([L.Dropout(0.5), L.SpatialDropout2D(0.5), L.GaussianNoise(1.0), L.AlphaDropout(0.3)])
    ),
    "augmentation": raw_photo(
        keras.Sequential(
            [
                *(L.RandomFlip(), L.RandomRotation(0.2), L.RandomZoom(0.2), L.RandomTranslation(0.1, 0.1)),
                *(L.RandomContrast(0.3), L.RandomBrightness(0.2), L.Rescaling(1 / 255)),
            ]
        )
    ),
    "random_crop": raw_photo(lambda image: L.RandomCrop(16, 20)(image)),
    "center_crop": raw_photo(lambda image: L.CenterCrop(17, 20)(image)),
    "center_crop_larger": raw_photo(lambda image: L.CenterCrop(30, 20)(image)),
    "resizing": raw_photo(lambda image: L.Resizing(17, 31)(image)),
    "resizing_nearest": raw_photo(lambda image: L.Resizing(17, 31, interpolation="nearest")(image)),
    "resizing_bicubic": raw_photo(lambda image: L.Resizing(17, 31, interpolation="bicubic")(image)),
    "resizing_lanczos": raw_photo(lambda image: L.Resizing(17, 31, interpolation="lanczos3")(image)),
    "resizing_cropped": raw_photo(lambda image: L.Resizing(17, 31, crop_to_aspect_ratio=True)(image)),
    "normalization_given": raw_photo(
        lambda image: L.Normalization(mean=[100.0, 110, 120], variance=[900.0, 800, 700])(image)
    ),
    "normalization_scalar": raw_photo(lambda image: L.Normalization(axis=None, mean=100.0, variance=900.0)(image)),
    "rescaling_channels": raw_photo(lambda image: L.Rescaling([0.1, 0.2, 0.3], [1.0, 2.0, 3.0])(image)),
    "merges": raw_features(
        lambda x: L.Concatenate()(
            [
                L.Add()([x, x]),
                L.Subtract()([x, L.ReLU()(x)]),
                L.Average()([x, x]),
                L.Maximum()([x, -x]),
                L.Minimum()([x, -x]),
            ]
        )
    ),
    "squeeze_excite": raw_features(
        lambda x: L.Multiply()([x, L.Dense(8, activation="hard_sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x))])
    ),
    "dot": sequence_layer(lambda: lambda x: L.Dot(axes=(2, 2), normalize=True)([x, x])),
    "conv1d_causal": sequence_layer(lambda: L.Conv1D(8, 3, padding="causal", dilation_rate=2)),
    "separable_conv1d": sequence_layer(lambda: L.SeparableConv1D(8, 3, activation="hard_sigmoid")),
    "depthwise_conv1d": sequence_layer(lambda: L.DepthwiseConv1D(3)),
    "pooling1d": sequence_layer(lambda: L.MaxPooling1D(2)),
    "lstm": sequence_layer(lambda: L.LSTM(7)),
    "lstm_hard_sigmoid": sequence_layer(lambda: L.LSTM(7, recurrent_activation="hard_sigmoid", return_sequences=True)),
    "lstm_backwards": sequence_layer(lambda: L.LSTM(7, go_backwards=True, unroll=True)),
    "lstm_state": sequence_layer(lambda: lambda x: L.Concatenate()(L.LSTM(7, return_state=True)(x))),
    "gru": sequence_layer(lambda: L.GRU(7)),
    "gru_before": sequence_layer(lambda: L.GRU(7, reset_after=False)),
    "gru_hard_sigmoid": sequence_layer(
        lambda: L.GRU(7, recurrent_activation="hard_sigmoid", activation="hard_sigmoid")
    ),
    "gru_hard_sigmoid_before": sequence_layer(lambda: L.GRU(7, recurrent_activation="hard_sigmoid", reset_after=False)),
    "simple_rnn": sequence_layer(lambda: L.SimpleRNN(7, activation="hard_sigmoid")),
    "bidirectional": sequence_layer(lambda: L.Bidirectional(L.LSTM(7, return_sequences=True))),
    "bidirectional_hard_sigmoid": sequence_layer(
        lambda: L.Bidirectional(L.GRU(7, recurrent_activation="hard_sigmoid"), merge_mode="sum")
    ),
    "rnn_cell": sequence_layer(lambda: L.RNN(L.LSTMCell(7, recurrent_activation="hard_sigmoid"))),
    "rnn_stacked": sequence_layer(lambda: L.RNN([L.GRUCell(7), L.LSTMCell(5), L.SimpleRNNCell(4)])),
    "masking": sequence_layer(lambda: lambda x: L.LSTM(7)(L.Masking(0.0)(L.ReLU(threshold=0.5)(x)))),
    "conv_lstm": video_layer(lambda: L.ConvLSTM2D(4, 3)),
    "time_distributed": video_layer(lambda: L.TimeDistributed(L.Conv2D(4, 3, activation="hard_sigmoid"))),
    "conv3d": video_layer(lambda: L.Conv3D(4, 2)),
    "attention": sequence_layer(lambda: lambda x: L.Attention(use_scale=True)([x, L.Dense(24)(x)])),
    "attention_concat": sequence_layer(lambda: lambda x: L.Attention(score_mode="concat")([x, x])),
    "additive_attention": sequence_layer(lambda: lambda x: L.AdditiveAttention()([x, x])),
    "multi_head_attention": sequence_layer(lambda: lambda x: L.MultiHeadAttention(3, 5)(x, x)),
    "multi_head_attention_causal": sequence_layer(
        lambda: (
            lambda x: L.MultiHeadAttention(2, 5, value_dim=6, output_shape=11, use_bias=False)(
                x, x, use_causal_mask=True
            )
        )
    ),
    "multi_head_attention_2d": raw_features(lambda x: L.MultiHeadAttention(2, 4, attention_axes=(1, 2))(x, x)),
}


def shared() -> keras.Model:
    """A layer and a nested model that are called twice."""
    image = keras.Input((SIDE, SIDE, 3))
    inner = keras.Sequential([L.Conv2D(3, 3, padding="same", name="a/b"), L.BatchNormalization()], name="inner")
    once = inner(image)
    return keras.Model(image, finish(L.Add()([inner(once), once])))


def nested_twice() -> keras.Model:
    """A functional model in a functional model in a Sequential model, with equal layer names."""
    image = keras.Input((SIDE, SIDE, 3))
    small = keras.Model(image, L.Conv2D(4, 3, name="conv", activation="hard_sigmoid")(image), name="small")
    outer = keras.Input((SIDE, SIDE, 3))
    large = keras.Model(
        outer, L.Conv2D(5, 3, name="conv/2")(small(L.Rescaling(1 / 255)(outer), training=False)), name="large"
    )
    return sequential(large, L.GlobalAveragePooling2D(), L.Dropout(0.5), L.Dense(3, activation="softmax"))


def mixed() -> keras.Model:
    """A model in mixed precision."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        image = keras.Input((SIDE, SIDE, 3))
        features = L.BatchNormalization()(L.Conv2D(8, 3, activation="relu")(L.Rescaling(1 / 255)(image)))
        pooled = L.GlobalAveragePooling2D()(features)
        return keras.Model(image, L.Dense(3, activation="softmax", dtype="float32")(pooled))
    finally:
        keras.mixed_precision.set_global_policy("float32")


def adapted() -> keras.Model:
    """Normalization with values that were learned."""
    layer = L.Normalization()
    layer.adapt(np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3)).astype("float32"))
    image = keras.Input((SIDE, SIDE, 3))
    return keras.Model(image, finish(L.Conv2D(4, 3)(layer(image))))


def dynamic_reshape(x: Any) -> Any:
    """Reshape by the shape of the tensor, as code for attention does."""
    return tf.reshape(x, [tf.shape(x)[0], 144, 8])


imagenet = keras.applications.imagenet_utils.preprocess_input
FUNCTIONS: dict[str, Make] = {
    "preprocess_tf": raw_photo(lambda image: imagenet(image, mode="tf")),
    "preprocess_torch": raw_photo(lambda image: imagenet(image, mode="torch")),
    "preprocess_caffe": raw_photo(lambda image: imagenet(image, mode="caffe")),
    "bgr_slice": raw_photo(lambda image: image[..., ::-1] / 255.0),
    "arithmetic": raw_photo(lambda image: 1 - (2.0 * image / 255.0 - 0.5) * (-image / 100) + abs(image) ** 2 / 1e4),
    "constant_map": raw_photo(lambda image: image / 255 - tf.reshape(tf.range(SIDE * 1.0), (1, SIDE, 1, 1)) / SIDE),
    "hard_swish": raw_features(lambda x: x * tf.nn.relu6(x + 3.0) / 6.0),
    "activations": raw_features(
        lambda x: tf.concat([tf.nn.relu(x), tf.nn.silu(x), tf.sigmoid(x), tf.tanh(x), tf.nn.gelu(x), tf.nn.elu(x)], -1)
    ),
    "leaky_softmax": raw_features(lambda x: tf.nn.softmax(tf.nn.leaky_relu(x, alpha=0.1), axis=-1)),
    "keras_functions": raw_features(lambda x: keras.activations.hard_sigmoid(keras.activations.relu(x, max_value=6))),
    "backend": raw_features(lambda x: keras.backend.mean(keras.backend.permute_dimensions(x, (0, 2, 1, 3)), axis=1)),
    "reductions": raw_features(
        lambda x: tf.concat([tf.reduce_mean(x, [1, 2]), tf.reduce_max(x, [1, 2]), tf.reduce_sum(x, axis=[1, 2])], -1)
    ),
    "deviation": raw_features(lambda x: x / (tf.math.reduce_std(x, axis=-1, keepdims=True) + 1e-3)),
    "l2_normalize": raw_features(lambda x: tf.nn.l2_normalize(x, axis=-1)),
    "slices": raw_features(lambda x: x[:, 1:-1, ::2, :4] + x[:, 2:, ::2, 4:]),
    "split": raw_features(lambda x: tf.add(*tf.split(x, 2, axis=-1))),
    "stack": raw_features(lambda x: tf.reduce_max(tf.stack([x, -x], axis=1), axis=1)),
    "expand_squeeze": raw_features(lambda x: tf.squeeze(tf.expand_dims(tf.transpose(x, [0, 2, 1, 3]), 1), axis=1)),
    "resize": raw_features(lambda x: tf.image.resize(x, (7, 9))),
    "pools": raw_features(lambda x: tf.nn.max_pool2d(x, 2, 2, "SAME") - tf.nn.avg_pool2d(x, 2, 2, "SAME")),
    "padding": raw_features(lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]])),
    "clip": raw_features(lambda x: tf.clip_by_value(x, -0.2, 0.3) + tf.clip_by_value(x, 0.0, 1.0)),
    "matmul": sequence_layer(lambda: lambda x: tf.nn.softmax(tf.matmul(x, x, transpose_b=True) / 5.0) @ x),
    "dynamic_reshape": raw_features(dynamic_reshape),
    "reshape": raw_features(lambda x: tf.reshape(x, [-1, 12 * 12, 8])),
    "gather": raw_features(lambda x: tf.gather(x, [2, 1, 0], axis=-1)),
    "cast": raw_features(lambda x: tf.cast(tf.cast(x * 10, tf.int32), tf.float32)),
}

NETWORKS: dict[str, Make] = {
    "shared": shared,
    "nested": nested_twice,
    "mixed_float16": mixed,
    "normalization_adapted": adapted,
    "sequential": lambda: sequential(
        L.Conv2D(6, 3, activation="relu"), L.MaxPooling2D(), L.Flatten(), L.Dense(10, activation="relu"), L.Dense(3)
    ),
    "sequential_input_shape": lambda: keras.Sequential(
        [L.Conv2D(6, 3, input_shape=(SIDE, SIDE, 3)), L.Flatten(), L.Dense(1, activation="sigmoid")]
    ),
}

_APPS = keras.applications
# Network → smallest side. Without weights, with 10 classes.
APPLICATIONS: dict[str, tuple[Any, int]] = {
    "Xception": (_APPS.Xception, 71),
    "VGG16": (_APPS.VGG16, 32),
    "VGG19": (_APPS.VGG19, 32),
    "ResNet50": (_APPS.ResNet50, 32),
    "ResNet101": (_APPS.ResNet101, 32),
    "ResNet152": (_APPS.ResNet152, 32),
    "ResNet50V2": (_APPS.ResNet50V2, 32),
    "ResNet101V2": (_APPS.ResNet101V2, 32),
    "ResNet152V2": (_APPS.ResNet152V2, 32),
    "ResNetRS50": (_APPS.ResNetRS50, 32),
    "InceptionV3": (_APPS.InceptionV3, 75),
    "InceptionResNetV2": (_APPS.InceptionResNetV2, 75),
    "MobileNet": (_APPS.MobileNet, 32),
    "MobileNetV2": (_APPS.MobileNetV2, 32),
    "MobileNetV3Small": (_APPS.MobileNetV3Small, 32),
    "MobileNetV3Large": (_APPS.MobileNetV3Large, 32),
    "DenseNet121": (_APPS.DenseNet121, 32),
    "DenseNet169": (_APPS.DenseNet169, 32),
    "DenseNet201": (_APPS.DenseNet201, 32),
    "NASNetMobile": (_APPS.NASNetMobile, 32),
    "NASNetLarge": (_APPS.NASNetLarge, 32),
    **{f"EfficientNetB{number}": (getattr(_APPS, f"EfficientNetB{number}"), 32) for number in range(8)},
    **{
        f"EfficientNetV2{kind}": (getattr(_APPS, f"EfficientNetV2{kind}"), 32)
        for kind in ("B0", "B1", "B2", "B3", "S", "M", "L")
    },
    "ConvNeXtTiny": (_APPS.ConvNeXtTiny, 32),
    "ConvNeXtSmall": (_APPS.ConvNeXtSmall, 32),
    "ConvNeXtBase": (_APPS.ConvNeXtBase, 32),
    "RegNetX002": (_APPS.RegNetX002, 32),
    "RegNetY002": (_APPS.RegNetY002, 32),
    "RegNetY032": (_APPS.RegNetY032, 32),
}


def make_application(name: str) -> keras.Model:
    """Build a network of keras.applications without trained weights."""
    make, side = APPLICATIONS[name]
    return make(input_shape=(side, side, 3), weights=None, classes=10)


ZOO: dict[str, Make] = {
    **{f"layer/{name}": make for name, make in LAYERS.items()},
    **{f"function/{name}": make for name, make in FUNCTIONS.items()},
    **{f"network/{name}": make for name, make in NETWORKS.items()},
    **{f"application/{name}": partial(make_application, name) for name in APPLICATIONS},
}


def randomize(model: keras.Model) -> None:
    """Give every weight a random value, so that none is at its default."""
    rng = np.random.default_rng(1)
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, keras.Model) or not layer.weights or isinstance(layer, L.Normalization):
            continue
        for variable in [*layer._trainable_weights, *layer._non_trainable_weights]:
            shape, value = variable.shape, variable.numpy()
            if not np.issubdtype(value.dtype, np.floating):
                continue
            if "variance" in variable.name or "stddev" in variable.name or "gamma" in variable.name:
                value = rng.uniform(0.5, 1.5, shape)
            elif value.ndim > 1:
                value = value * rng.uniform(0.5, 1.5, shape) if np.ptp(value) else rng.normal(0, 0.2, shape)
            else:
                value = rng.normal(0, 0.1, shape)
            variable.assign(value)


def write_model(name: str, folder: Path) -> dict[str, str]:
    """Write a model of the zoo in both formats, with its predictions; return the error of each file, or ""."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(2)
    model = ZOO[name]()
    randomize(model)
    stem = name.replace("/", "-")
    photos = np.random.default_rng(0).integers(0, 256, (4, *model.input_shape[1:])).astype("float32")
    np.savez(folder / f"{stem}.npz", photos=photos, outputs=model.predict_on_batch(photos))
    errors = {}
    for suffix in (".h5", ".keras"):
        path = folder / f"{stem}{suffix}"
        try:
            model.save(path)
            (folder / f"{stem}{suffix}.graph").mkdir(exist_ok=True)
            keras.backend.clear_session()
            save_graph(describe_keras2(load_keras2(path)), folder / f"{stem}{suffix}.graph")
            errors[suffix] = ""
        # One file that cannot be written or read does not end the list.
        except Exception as error:  # noqa: BLE001
            traceback.print_exc()
            errors[suffix] = f"{type(error).__name__}: {error}".splitlines()[0]
    return errors


def list_names() -> list[str]:
    """List all models of the zoo."""
    return list(ZOO)


def write_zoo(folder: str, names: list[str]) -> dict[str, str]:
    """Write models into a folder; return the error of each file that edgetl did not read."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    errors = {}
    for name in names:
        errors.update({f"{name}{suffix}": error for suffix, error in write_model(name, Path(folder)).items() if error})
    return errors


def main() -> None:
    """Write the models that the command line names, or all but the large networks."""
    folder, *names = sys.argv[1:]
    for name in names or [name for name in ZOO if not name.startswith("application/")]:
        errors = write_zoo(folder, [name])
        for suffix in (".h5", ".keras"):
            print(f"{name}{suffix} {errors.get(name + suffix, 'ok')}", flush=True)


if __name__ == "__main__":
    main()
