"""Models of Keras 2 beyond one layer: functions of TensorFlow, networks of several parts, and keras.applications."""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tools.keras2_layers import SIDE, L, Make, finish, raw_features, raw_photo, sequence_layer, sequential


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
