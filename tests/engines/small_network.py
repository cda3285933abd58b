"""A small network in the Keras 2 process, and what a retraining of it needs. Not to be imported beside Keras 3."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.core.network import description, folding
from edgetl.core.network.description import Network
from edgetl.core.photos.labelled import LabelledPhotos
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import RetrainingTables
from edgetl.engines.tfmot.fit import RetrainSetup
from edgetl.engines.tfmot.frozen_outputs import ScaledPhotos
from edgetl.engines.tfmot.integer_export import PixelScaling
from edgetl.engines.tfmot.keras2_model import build_keras2, check_against_keras3
from edgetl.engines.tfmot.qat import QatModel
from tests.fixtures.photos import ArrayPixels

SCALINGS = {
    # That of the small model, to -1..1.
    "even": PixelScaling(matrix=np.eye(3, dtype=np.float32) / 127.5, offset=-np.ones(3, np.float32)),
    # Another scale and offset for each channel.
    "uneven": PixelScaling(
        matrix=np.diag([1 / 127.5, 1 / 100, 1 / 110]).astype(np.float32), offset=np.float32([-1, -0.9, -1.1])
    ),
}


class Recorder:
    """A training listener that collects what it is called with."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int]] = []
        self.steps = 0
        self.epochs: list[EpochResult] = []
        self.listener = TrainingListener(
            begin=lambda task, steps: self.tasks.append((task, steps)),
            step=self._count_steps,
            epoch=self.epochs.append,
            say=lambda text: None,
        )

    def _count_steps(self, count: int, note: str) -> None:
        self.steps += count


@dataclass(frozen=True, kw_only=True)
class SmallNetwork:
    """A network with photos.

    Attributes:
        network: the network.
        pixels: uint8 [photos, side, side, 3].
        photos: the same, scaled: float32 [photos, side, side, 3].
        scores: predictions of the Keras 3 model, float32 [photos, units].
        labels: int64 [photos], as many of each of three classes.
    """

    network: Network
    pixels: Pixels
    photos: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    @property
    def labelled(self) -> LabelledPhotos:
        """Return the photos with their labels."""
        sha256s = [str(row) for row in range(len(self.pixels))]
        return LabelledPhotos(pixels=self.pixels, labels=self.labels, sha256s=sha256s)

    def make_setup(self, **retrain: float) -> RetrainSetup:
        """Make the setup of a retraining on the photos, with some values of the table [retrain]."""
        labelled = self.labelled
        retrain["compress_epochs"] = retrain.get("epochs", 1)
        recipe = resolve_recipe(flags={"retrain": retrain, "training": {"batch_size": 8}}).select(RetrainingTables)
        return RetrainSetup(
            train=labelled,
            validation=labelled,
            recipe=recipe,
            learning_rate=1e-3,
            inputs=ScaledPhotos(SCALINGS["even"].apply),
        )

    def make_qat_model(self, scaling: str = "even", recorder: Recorder | None = None) -> QatModel:
        """Make a quantization-aware model of the folded network, calibrated on the photos."""
        listener = (recorder or Recorder()).listener
        return QatModel(folding.fold_batch_norm(self.network), self.pixels, SCALINGS[scaling], listener)


def load_small_network(folder: str) -> SmallNetwork:
    """Load a network with the arrays pixels, photos and scores in probe.npz: see the fixture `small_network`."""
    with np.load(Path(folder) / "probe.npz") as probe:
        count = len(probe["pixels"])
        return SmallNetwork(
            network=description.load_network(Path(folder)),
            pixels=ArrayPixels(probe["pixels"]),
            photos=probe["photos"],
            scores=probe["scores"],
            labels=np.arange(count) * 3 // count,
        )


def export_qat_model(network_folder: str, folder: str, scaling: str) -> None:
    """Write saved_model/ of an untrained quantization-aware model, and its predictions to predictions.npy."""
    small = load_small_network(network_folder)
    model = small.make_qat_model(scaling)
    model.export(Path(folder) / "saved_model")
    np.save(Path(folder) / "predictions.npy", model.predict(small.labelled))


def check_train_and_export(folder: str) -> dict[str, Any]:
    """Compare a network and its folded form with Keras 3, train the folded one for a step, and write saved_model/."""
    small = load_small_network(folder)
    model = small.make_qat_model()
    keras2_models = (build_keras2(small.network).model, model.float_model)
    differences = [check_against_keras3(keras2, small.photos, small.scores, "it") for keras2 in keras2_models]
    first_layer = model._list_weighted()[0]
    before = model._read_weights(first_layer)[0]
    model.model.compile("adam", "sparse_categorical_crossentropy")
    model.model.train_on_batch(model.scale_pixels(small.pixels.rows(range(len(small.pixels)))), small.labels)
    has_moved = bool((before != model._read_weights(first_layer)[0]).any())
    model.export(Path(folder) / "saved_model")
    return {"differences": differences, "has_moved": has_moved}
