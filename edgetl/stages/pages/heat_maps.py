"""Trained, Artifact → HeatMaps: where both find the class that Keras predicts."""

import numpy as np

from edgetl.core.heat_maps.choice import ChosenPhoto, choose_photos
from edgetl.core.heat_maps.class_maps import ClassMapError, ClassMaps, correlate_maps
from edgetl.core.heat_maps.records import HeatMapRequest, HeatMaps, MappedPhoto
from edgetl.core.photos import pixel_store
from edgetl.core.run.workspace import Workspace
from edgetl.core.storage.arrays import read_array
from edgetl.core.storage.files import hash_file
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import make_task
from edgetl.engines.backends import BACKENDS
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras_class_maps import compute_keras_maps


def make_heat_maps(work: Workspace, request: HeatMapRequest) -> HeatMaps:
    """Compute the heat maps of all photos whose prediction changed, and of a sample of the test photos.

    A network that has none is a result, with its reason.

    Raises:
        ConfigError: the model cannot be loaded safely, or the file does not match the photos.
        DataError: the decoded photos are not in the cache any more.
    """
    photos = request.dataset.test
    scores = tuple(read_array(scores.path) for scores in request.scores)
    task = make_task(request.trained.threshold_values)
    chosen, changed = choose_photos(list_labels(photos), (scores[0], scores[1]), task, request.seed)
    pixels = pixel_store.open_pixels([photos[photo.row].sha256 for photo in chosen], request.trained.input)
    reason, arrays = "", np.zeros((0, 3, 1, 1), np.float32)
    mapped: tuple[MappedPhoto, ...] = ()
    try:
        with work.console.bar("heat maps", 2 * len(chosen), "photos") as bar:
            model = keras_model.load_for_prediction(request.trained.path, request.trained.sha256)
            keras_maps = compute_keras_maps(model, pixels, bar.advance)
            backend = BACKENDS[request.artifact.format]
            file_maps = backend.compute_class_maps(request.artifact.path, pixels, bar.advance)
    except ClassMapError as error:
        reason = error.message
    else:
        arrays = np.stack([_select_maps(keras_maps, file_maps, row, photo) for row, photo in enumerate(chosen)])
        mapped = tuple(
            MappedPhoto(**photo._asdict(), correlation=round(correlate_maps(maps[0], maps[1]), 4))
            for photo, maps in zip(chosen, arrays, strict=True)
        )
    path = work.folder / "maps.npy"
    np.save(path, arrays, allow_pickle=False)
    return HeatMaps(
        path=path,
        sha256=hash_file(path),
        trained_sha256=request.trained.sha256,
        artifact_sha256=request.artifact.sha256,
        total=len(photos),
        seed=request.seed,
        photos=mapped,
        changed=changed,
        reason=reason,
    )


def _select_maps(keras_maps: ClassMaps, file_maps: ClassMaps, row: int, photo: ChosenPhoto) -> np.ndarray:
    """Return the three maps of a photo, in the order of `records`: float32 [3, height, width]."""
    maps = (
        keras_maps.select(row, photo.label),
        file_maps.select(row, photo.label),
        file_maps.select(row, photo.file_label),
    )
    return np.stack(maps).astype(np.float32)
