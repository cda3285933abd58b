"""The parent's side of a retraining: what the child is given, its progress as it comes, and what it leaves.

The model is told to the child layer by layer (`flatten`), with the answers of Keras 3 to a few photos, which the child
must give again before it trains anything.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edgetl.core import errors
from edgetl.core.errors import EdgetlError, StageError
from edgetl.core.network import description
from edgetl.core.photos import pixel_store
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.core.recipe.tables import RetrainingTables, RetrainKind
from edgetl.core.records import Dataset, InputSpec, Photo
from edgetl.core.retrain_job import RetrainJob, RetrainOutcome
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras import to_network

_PROBE_PHOTOS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrainRequest:
    """What is to be done, and the photos for it."""

    kind: RetrainKind
    input: InputSpec
    dataset: Dataset
    calibration: tuple[Photo, ...]
    proof: tuple[Photo, ...]
    recipe: RetrainingTables


def run_retraining(model_path: Path, wanted: RetrainRequest, folder: Path, watch: TrainingListener) -> RetrainOutcome:
    """Retrain a model in a child process; leave model.keras, or saved_model/ and proof.npy, in `folder`.

    Raises:
        StageError: a layer that Keras 2 does not have, a bridge that does not hold, a training that diverged.
        DataError: the decoded photos are gone from the cache.
    """
    model = keras_model.load_model(model_path)
    told = to_network.describe_network(model)
    probe = wanted.dataset.train[:_PROBE_PHOTOS]
    pixels = pixel_store.open_pixels([photo.sha256 for photo in probe], wanted.input).rows(range(len(probe)))
    scaled, answers = to_network.probe_model(model, pixels)
    matrix, offset = to_network.measure_scaling(model)
    job = RetrainJob(
        kind=wanted.kind,
        input=wanted.input,
        train=wanted.dataset.train,
        validation=wanted.dataset.validation,
        calibration=wanted.calibration,
        proof=wanted.proof,
        matrix=tuple(tuple(float(number) for number in row) for row in matrix),
        offset=tuple(float(number) for number in offset),
        recipe=wanted.recipe,
    )
    with TemporaryDirectory(prefix="edgetl-retrain-") as work:
        given = Path(work)
        description.save_network(told, given)
        (given / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
        np.savez(given / "probe.npz", photos=scaled, answers=answers)
        _run(given, folder, watch)
    outcome = RetrainOutcome.model_validate_json((folder / "outcome.json").read_text(encoding="utf-8"))
    slimmed = folder / "weights.npz"
    if slimmed.is_file():
        weights = description.load_weights(slimmed, [len(node.weights) for node in told.nodes])
        to_network.fill_model(
            model, told.replace_weights({node.name: own for node, own in zip(told.nodes, weights, strict=True)})
        )
        keras_model.save_model(model, folder / "model.keras")
        slimmed.unlink()
    return outcome


def _run(given: Path, results: Path, watch: TrainingListener) -> None:
    """Run the child to its end, telling `watch` what it tells.

    Raises:
        EdgetlError: what the child raised; a StageError with its last word where it died otherwise.
    """
    complaints = given / "stderr.txt"
    failure: EdgetlError | None = None
    with complaints.open("w", encoding="utf-8") as stderr, _child(given, results, stderr) as child:
        assert child.stdout is not None
        for line in child.stdout:
            told: dict[str, Any] = json.loads(line)
            failure = _tell(told, watch) or failure
    said = complaints.read_text(encoding="utf-8", errors="replace")
    # Into the run's log, where the parent's own libraries write too.
    sys.stderr.write(said)
    if failure is not None:
        raise failure
    if child.returncode == -signal.SIGKILL:
        raise StageError(
            "the child process for Keras 2 was killed",
            hint="most often the memory ran out: close other programs, or take a smaller base, side or batch",
        )
    if child.returncode != 0:
        reason = (said.strip().splitlines() or ["it said nothing"])[-1]
        raise StageError(f"the child process for Keras 2 ended with code {child.returncode}: {reason}")


@contextmanager
def _child(given: Path, results: Path, stderr: Any) -> Iterator[subprocess.Popen[str]]:
    # -P: the current folder, which may hold anybody's files, is no place to import from.
    command = [sys.executable, "-P", "-m", "edgetl.engines.tfmot", str(given), str(results)]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True) as child:
        try:
            yield child
        except BaseException:
            # Whatever ended the parent's interest, ^C above all: the child must not train on for nobody.
            child.kill()
            raise


def _tell(told: Mapping[str, Any], watch: TrainingListener) -> EdgetlError | None:
    """Pass on one line of the child's; gives the error if it was one."""
    for word, value in told.items():
        if word == "begin":
            watch.begin(*value)
        elif word == "step":
            watch.step(*value)
        elif word == "epoch":
            watch.epoch(EpochResult(**value))
        elif word == "say":
            watch.say(value)
        elif word == "error":
            kind, message, where, hint = value
            error: EdgetlError = getattr(errors, kind)(message, where=where, hint=hint)
            return error
    return None
