"""Dataset → Trained: the two-phase recipe on the photos of the training part, judged on the validation part."""

from pathlib import Path

import numpy as np

from edgetl.core.console import Console
from edgetl.core.evaluation import metrics
from edgetl.core.photos import pixel_store
from edgetl.core.progress import ConsoleListener
from edgetl.core.recipe import Recipe
from edgetl.core.records import Dataset, InputSpec, Part, Trained
from edgetl.core.runs import hash_file
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import two_phase
from edgetl.engines.keras.batches import LabelledPhotos
from edgetl.engines.keras.training_log import TrainingLog

_TITLES = {
    "frozen": "frozen layers, once per photo",
    "head": "phase 1, head on the frozen base",
    "fine_tune": "phase 2, top of the base",
}


def train(dataset: Dataset, recipe: Recipe, folder: Path, *, console: Console) -> Trained:
    """Train the recipe's base on the dataset; write model.keras, log.csv and tensorboard/ into `folder`.

    Raises:
        ConfigError: weights that are absent or do not fit, or a layer to unfreeze from that is not there.
        DataError: the decoded photos are gone from the cache.
        StageError: training diverged, or the model could not be saved.
    """
    shape = InputSpec(side_px=recipe.base.side_px, fit=recipe.photos.fit)
    keras_model.reset_keras(recipe.training.seed)
    parts = _photos(dataset, "train", shape), _photos(dataset, "validation", shape)
    with keras_model.use_precision(recipe.training.precision):
        model = keras_model.assemble_model(recipe.base, recipe.head, len(dataset.classes))
    log = TrainingLog(folder)
    with ConsoleListener(console, _TITLES, log.epoch) as watching:
        phases = two_phase.train_two_phases(model, *parts, recipe, watching.watch)
    log.close()
    if recipe.training.precision != "float32":
        model = keras_model.convert_to_float32(model)
        accuracy = metrics.compute_accuracy(
            keras_model.predict_scores(model, parts[1].pixels, lambda _: None), parts[1].labels
        )
        console.say(
            f"  trained in {recipe.training.precision}; in float32 these weights reach validation {accuracy:.4f}"
        )
    path = folder / "model.keras"
    keras_model.save_model(model, path)
    return Trained(
        path=path,
        sha256=hash_file(path),
        base=recipe.base.name,
        alpha=recipe.base.alpha,
        weights=recipe.base.weights,
        input=shape,
        classes=dataset.classes,
        activation=recipe.head.activation,
        parameters=int(model.count_params()),
        phases=phases,
        dataset_sha256=dataset.sha256,
        backend=keras_model.get_backend(),
        device=keras_model.get_device(),
        precision=recipe.training.precision,
    )


def fetch_weights(recipe: Recipe) -> None:
    """Have the base's weights on disk, fetched if they are published ones.

    Raises:
        ConfigError: they are neither here nor to be had.
    """
    keras_model.fetch_weights(recipe.base)


def _photos(dataset: Dataset, part: Part, shape: InputSpec) -> LabelledPhotos:
    photos = dataset.part(part)
    sha256s = [photo.sha256 for photo in photos]
    labels = np.array([photo.label for photo in photos], dtype=np.int64)
    return LabelledPhotos(pixels=pixel_store.open_pixels(sha256s, shape), labels=labels, sha256s=sha256s)
