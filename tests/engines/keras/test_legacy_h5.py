"""keras2.py: files that Keras 2 wrote answer in Keras 3 as they did there; what runs code or is no model is refused."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from edgetl.engines.keras import external, legacy_h5

# In a process of its own: Keras 2 and 3 share no process here.
_WRITER = """
import sys, numpy as np, tf_keras as k
L, out = k.layers, sys.argv[1]
x = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("float32")
flat = k.Sequential([L.Input((32, 32, 3)), L.Rescaling(1 / 255), L.Conv2D(8, 3, name="a/b"), L.BatchNormalization(),
    L.DepthwiseConv2D(3), L.SeparableConv2D(8, 3), L.GlobalAveragePooling2D(), L.Dense(3, activation="softmax")])
inner = k.Input((32, 32, 3))
base = k.Model(inner, L.Add(name="up/add")([L.DepthwiseConv2D(3, padding="same")(L.Conv2D(3, 1)(inner)), inner]))
image = k.Input((32, 32, 3))
features = L.Dropout(0.2)(L.GlobalAveragePooling2D()(base(L.Rescaling(1 / 255)(image), training=False)))
nested = k.Model(image, L.Dense(3, activation="softmax")(features))
answers = {}
for name, model in (("flat", flat), ("nested", nested)):
    model.save(f"{out}/{name}.h5")
    answers[name] = model.predict(x, verbose=0)
k.Sequential([L.Input((32, 32, 3)), L.Lambda(lambda x: x / 255), L.Flatten(), L.Dense(3)]).save(f"{out}/lambda.h5")
image = k.Input((32, 32, 3))
k.Model(image, L.Dense(3)(L.Flatten()(image + 3.0))).save(f"{out}/call.h5")
flat.save_weights(f"{out}/weights.h5")
np.savez(f"{out}/answers.npz", x=x, **answers)
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("keras2")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _WRITER, str(root)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize("name", ["flat", "nested"])
def test_it_answers_as_keras_2_did(written, name):
    told = np.load(written / "answers.npz")
    found = np.asarray(external.load_external(written / f"{name}.h5").predict_on_batch(told["x"]))
    assert np.abs(found - told[name]).max() < 1e-6
    assert np.abs(told[name] - told[name][0]).max() > 0


@pytest.mark.parametrize(
    ("name", "match"),
    [("lambda", "Lambda layer, which is Python"), ("call", "TFOpLambda"), ("weights", "weights only")],
)
def test_what_is_refused(written, name, match):
    with pytest.raises(ConfigError, match=match) as caught:
        external.load_external(written / f"{name}.h5")
    assert caught.value.hint


def test_garbage(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"no model")
    (tmp_path / "copy").mkdir()
    with pytest.raises(ConfigError, match=r"not a \.h5 file that can be read"):
        legacy_h5.translate_h5(tmp_path / "a.h5", tmp_path / "copy")
