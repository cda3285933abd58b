"""Writes files with Keras 2. Not to be imported beside Keras 3: call it with the fixture `keras2`."""

import numpy as np
import tf_keras as keras

layers = keras.layers


class Gate(layers.Layer):
    """A layer whose code is not in the file."""

    def call(self, inputs):
        return inputs / 2


def write_files(folder: str) -> None:
    """Write models with their scores, and files that cannot be used: code, and weights only."""
    photos = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("float32")
    scores = {}
    for name, model in (("flat", _make_flat()), ("nested", _make_nested()), ("half", _make_half())):
        model.save(f"{folder}/{name}.h5")
        model.save(f"{folder}/{name}.keras")
        scores[name] = model.predict(photos, verbose=0)
    np.savez(f"{folder}/scores.npz", photos=photos, **scores)
    for name, layer in (("lambda", layers.Lambda(lambda pixels: pixels / 255)), ("custom", Gate(name="gate_7"))):
        keras.Sequential([layers.Input((32, 32, 3)), layer, layers.Flatten(), layers.Dense(3)]).save(
            f"{folder}/{name}.h5"
        )
    image = keras.Input((32, 32, 3))
    keras.Model(image, layers.Dense(3)(layers.Flatten()(image + 3.0))).save(f"{folder}/operation.h5")
    fixed = keras.Input((32, 32, 3), batch_size=2)
    keras.Model(fixed, layers.Dense(3)(layers.Flatten()(fixed))).save(f"{folder}/fixed.h5")
    _make_flat().save_weights(f"{folder}/weights.h5")


def _make_flat() -> keras.Model:
    """A model with depthwise layers and a layer name with a slash."""
    return keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, name="a/b"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3),
            layers.SeparableConv2D(8, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def _make_nested() -> keras.Model:
    """A model with a network nested in it, which has a layer name with a slash."""
    inner = keras.Input((32, 32, 3))
    branch = layers.DepthwiseConv2D(3, padding="same")(layers.Conv2D(3, 1)(inner))
    network = keras.Model(inner, layers.Add(name="up/add")([branch, inner]))
    image = keras.Input((32, 32, 3))
    features = layers.GlobalAveragePooling2D()(network(layers.Rescaling(1 / 255)(image), training=False))
    return keras.Model(image, layers.Dense(3, activation="softmax")(layers.Dropout(0.2)(features)))


def _make_half() -> keras.Model:
    """A model whose convolution computes in float16."""
    image = keras.Input((32, 32, 3))
    features = layers.Conv2D(8, 3, dtype="mixed_float16")(layers.Rescaling(1 / 255)(image))
    pooled = layers.GlobalMaxPooling2D(dtype="float32")(features)
    return keras.Model(image, layers.Dense(3, activation="softmax")(pooled))
