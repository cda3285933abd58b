"""Models of one layer or one function each, that Keras 2 makes: `LAYERS` and what builds them."""

# ruff: noqa: PLW0108  (a layer is made when its model is: a layer of an earlier model has its state)
import os
from collections.abc import Callable
from functools import partial
from typing import Any

# Some layers of tf_keras look up others in TensorFlow, where Keras 3 is without this.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import tensorflow as tf
import tf_keras as keras

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
    """A network in which one layer is applied to a sequence [6, 24]."""

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
