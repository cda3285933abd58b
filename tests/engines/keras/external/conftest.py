"""A small classifier as somebody else would save it: float input, any first layers, any kind of output."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def make_classifier() -> Callable[..., Any]:
    """A function that builds a model: first layers, then a convolution, pooling and a Dense layer."""
    import keras

    from edgetl.engines.keras import model as keras_model

    def make(*first: Any, units: int = 3, activation: str | None = "softmax") -> Any:
        keras_model.reset_keras(4)
        image = keras.Input((32, 32, 3))
        tensor = image
        for layer in first:
            tensor = layer(tensor)
        features = keras.layers.Conv2D(8, 3, activation="relu")(tensor)
        features = keras.layers.GlobalMaxPooling2D()(features)
        scores = keras.layers.Dense(units, activation=activation, kernel_initializer="random_normal")(features)
        return keras.Model(image, scores)

    return make


@pytest.fixture(scope="session")
def valid_model(make_once: Callable[[str, Callable[[Path], None]], Path], make_classifier: Callable[..., Any]) -> Path:
    """A small .keras file, from which the hostile files are made."""

    def fill(folder: Path) -> None:
        make_classifier().save(folder / "model.keras")

    return make_once("valid-model", fill) / "model.keras"


@pytest.fixture(scope="session")
def flat_results(make_once: Callable[[str, Callable[[Path], None]], Path], keras2_files: Path) -> Path:
    """The files that the child process with Keras 2 writes about flat.h5. It takes seconds, and is started once."""
    from edgetl.engines.keras.external import keras2_child
    from edgetl.engines.keras.external.inspection import Limits

    def fill(folder: Path) -> None:
        keras2_child._run_child(keras2_files / "flat.h5", folder, Limits())

    return make_once("keras2-child", fill)


@pytest.fixture
def finished_child(flat_results: Path, keras2_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the files about flat.h5 to all that start the child process."""
    from edgetl.engines.keras.external import inspection, keras2_child

    def copy_results(path: Path, folder: Path, _: inspection.Limits) -> dict[str, Any]:
        assert path == keras2_files / "flat.h5"
        shutil.copytree(flat_results, folder, dirs_exist_ok=True)
        return inspection.read_report(folder)

    monkeypatch.setattr(keras2_child, "_run_child", copy_results)
