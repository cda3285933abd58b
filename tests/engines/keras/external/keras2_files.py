"""Writes .h5 files with Keras 2. Not to be imported beside Keras 3: call it with the fixture `keras2`."""

import numpy as np
import tf_keras as keras

layers = keras.layers


def write_files(folder: str) -> None:
    """Write two models with their scores, and files that cannot be used: code, a bare operation, and weights only."""
    photos = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("float32")
    flat, nested = _make_flat(), _make_nested()
    scores = {}
    for name, model in (("flat", flat), ("nested", nested)):
        model.save(f"{folder}/{name}.h5")
        scores[name] = model.predict(photos, verbose=0)
    np.savez(f"{folder}/scores.npz", photos=photos, **scores)
    code = layers.Lambda(lambda pixels: pixels / 255)
    keras.Sequential([layers.Input((32, 32, 3)), code, layers.Flatten(), layers.Dense(3)]).save(f"{folder}/lambda.h5")
    image = keras.Input((32, 32, 3))
    keras.Model(image, layers.Dense(3)(layers.Flatten()(image + 3.0))).save(f"{folder}/operation.h5")
    flat.save_weights(f"{folder}/weights.h5")


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
