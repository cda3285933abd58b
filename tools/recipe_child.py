"""Trains by a recipe in a process of its own, and predicts the test photos as they are and corrupted.

`tools/measure_recipes.py` starts it: python -m tools.recipe_child PHOTOS RECIPE RESULT [CORRUPTION …]
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgetl import cli
from edgetl.core.photos import pixel_store
from edgetl.core.photos.pixel_store import Pixels
from edgetl.core.records import Dataset, Photo, Trained
from edgetl.core.robustness.corrupted_pixels import CorruptedPixels
from edgetl.core.robustness.corruptions import CORRUPTIONS
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.litert_features import LiteRtProgram

# The command line imports stages lazily; these two take seconds.
from edgetl.stages import ingest, train  # noqa: F401
from tools.recipe_trials import TEST, Trial, TrialPlan
from tools.results_files import describe_machine

# The middle one of each corruption.
_STRENGTH = 1
_SEED = 1


def main(photos: str, recipe: str, result: str, *corruptions: str) -> None:
    """Train, predict, and write the trial."""
    with tempfile.TemporaryDirectory(prefix="recipe-child-") as folder:
        run = Path(folder) / "run"
        if code := cli.run(["train", photos, "--recipe", recipe, "--out", str(run), "--quiet"]):
            sys.exit(code)
        dataset, _ = _read(run / "ingest", Dataset)
        trained, seconds = _read(run / "train", Trained)
        program = LiteRtProgram(keras_model.load_model(trained.path))
    validation, labels = _open_part(dataset.validation, trained)
    validation_accuracy = float(np.mean(_decide(program, validation, len(dataset.classes)) == labels))
    test, labels = _open_part(dataset.test, trained)
    views = {TEST: test}
    for number, corruption in enumerate(CORRUPTIONS):
        if corruption.name in corruptions:
            views[corruption.name] = CorruptedPixels(test, (number, _STRENGTH), _SEED)
    correct = {}
    for name, pixels in views.items():
        right = _decide(program, pixels, len(dataset.classes)) == labels
        correct[name] = dict(zip([photo.sha256 for photo in dataset.test], right.tolist(), strict=True))
    data, name, seed = Path(result).stem.rsplit(".", 2)
    Trial(
        plan=TrialPlan(data=data, recipe=name, seed=int(seed)),
        validation_accuracy=validation_accuracy,
        training_s=seconds,
        correct=correct,
        machine=describe_machine(),
    ).write(Path(result))


def _read(folder: Path, kind: type[Any]) -> tuple[Any, float]:
    stage = read_finished_stage(folder, kind)
    assert stage is not None
    return stage.record, stage.seconds


def _open_part(part: Sequence[Photo], trained: Trained) -> tuple[Pixels, NDArray[np.int64]]:
    return pixel_store.open_pixels([photo.sha256 for photo in part], trained.input), np.array(
        [photo.label for photo in part]
    )


def _decide(program: LiteRtProgram, photos: Pixels, classes: int) -> NDArray[np.int64]:
    scores = np.empty((len(photos), classes), np.float32)
    program.run(np.arange(len(photos)), photos.rows, [scores], lambda _: None)
    return np.asarray(scores.argmax(axis=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
