"""One candidate of a sweep in a run folder of its own: measured untrained, trained, converted.

Every step is a stage, so that an interrupted sweep goes on where it was. Pixels and features of frozen layers are in
the cache, which all candidates share.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetl.core import methods
from edgetl.core.device.fleet import MeasurementOrder
from edgetl.core.device.limits import check_memory
from edgetl.core.device.targets import Target
from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics
from edgetl.core.network.bases import check_backend
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.records import Artifact, Dataset, Photo, Scores, Trained
from edgetl.core.run.run_folder import StageSpec, open_run
from edgetl.core.storage.arrays import read_array
from edgetl.core.sweep.latency_source import estimate_ms, find_latency_source
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import make_task
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context, StageClock
from edgetl.pipeline.cross_fit.fold import FoldModel
from edgetl.pipeline.delivery import Delivery
from edgetl.pipeline.devices import Devices
from edgetl.pipeline.files import Files
from edgetl.pipeline.model import Model
from edgetl.pipeline.order import Order, save_order
from edgetl.pipeline.scores import ModelScores
from edgetl.pipeline.selection import Selection

# Folder of a sweep → run folders of its candidates. A head and its fine-tuned model are two trainings.
Kind = Literal["untrained", "heads", "tuned", "photos"]
# Latency and bytes depend on the network alone: a few photos set ranges, and check that a device computes the same.
_FEW_PHOTOS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Costs:
    """What an untrained network costs.

    Attributes:
        ms: latency; None where nothing is known about it.
        estimated: whether it is an estimate: see `core.sweep.latency_source`.
        emulated: whether the device is an emulated one, whose latency is that of no board.
        disturbed: whether other processes disturbed its measurement.
        bytes: of the file.
        method: of the file.
        unmet: which limit on the memory of a microcontroller is exceeded, in words; "" for none.
    """

    ms: float | None
    disturbed: bool
    bytes: int
    method: str
    unmet: str = ""
    estimated: bool = False
    emulated: bool = False


@contextmanager
def open_candidate(context: Context, order: Order, kind: Kind, name: str) -> Iterator[Context]:
    """Yield the context of a candidate in its run folder inside the folder of the sweep.

    Raises:
        ConfigError: another process uses the folder.
    """
    root = context.run.root / kind / name
    root.parent.mkdir(parents=True, exist_ok=True)
    with open_run(root) as run:
        if kind in ("heads", "tuned"):
            # So that edgetl build --out and edgetl verify know the run.
            save_order(order, run.root)
        yield replace(
            context,
            order=order,
            run=run,
            console=context.console.labelled(f"{name}: "),
            clock=StageClock(),
            failures={},
        )


def read_photos(context: Context) -> Dataset:
    """Return the photos of an order, decoded for the side of its network.

    Raises:
        DataError: the photos cannot be used.
    """
    return Model(context).dataset


class UntrainedModel(FoldModel):
    """A network with random weights, and a few photos of the order."""

    def __init__(self, context: Context, dataset: Dataset) -> None:
        super().__init__(context, _draw_few(dataset), Model(context).input_spec)

    @cached_property
    def trained(self) -> Trained:
        """The untrained network."""
        check_backend()
        spec = StageSpec(name="train", record=Trained)
        tables = self._recipe.select(TrainingTables)
        return self._context.run_stage(spec, stages.assemble.assemble_untrained, self.dataset, self.input_spec, tables)


def measure_untrained(context: Context, dataset: Dataset, device: str) -> Costs:
    """Convert a candidate with random weights, and measure its file on a device or on this machine, or estimate.

    An invalid measurement of a device is repeated once. That of an emulated one is always invalid, and is kept.

    Args:
        context: of the candidate.
        dataset: the photos of the order.
        device: ssh name; "" for one thread of this machine, or for the estimate of a microcontroller.

    Raises:
        StageError: the conversion or the measurement failed, or it was invalid twice.
    """
    answers = context.order.recipe.answers.model_copy(update={"features": False})
    convert = context.order.recipe.convert.model_copy(update={"calibration_photos": _FEW_PHOTOS})
    order = replace(
        context.order, recipe=context.order.recipe.model_copy(update={"answers": answers, "convert": convert})
    )
    context = replace(context, order=order)
    target = order.targets[0]
    model = UntrainedModel(context, dataset)
    files = Files(context, model)
    scores = ModelScores(context, model, files)
    artifact = Selection(context, files, scores, target).convert(choose_method(target))
    memory = scores.measure_memory(artifact, target)
    unmet = check_memory(memory, artifact, target.limits)
    if not find_latency_source(target, device).is_measured:
        ms = estimate_ms(target, memory)
        return Costs(
            ms=ms, estimated=ms is not None, disturbed=False, bytes=artifact.bytes, method=artifact.method, unmet=unmet
        )
    if not device:
        score = scores.score(artifact, "validation", target.choose_kernels(artifact.format))
        return Costs(
            ms=score.invoke_ms, disturbed=score.disturbed, bytes=artifact.bytes, method=artifact.method, unmet=unmet
        )
    verdict = scores.judge(artifact, "test", target.choose_kernels(artifact.format))
    bundle = Delivery(context, model, scores, target).bundle(artifact, verdict)
    devices = Devices(context, model, scores, target)
    # With `resume`, a valid measurement is read back, and an invalid one is repeated.
    request = MeasurementOrder(names=(device,), soak_s=0.0, resume=True)
    for _ in range(2):
        measured = devices.measure_everywhere(artifact, bundle, request)
        if measured.errors:
            raise measured.errors[0]
        measurement = measured.measurements[device]
        emulated = measurement.board.emulated
        if measurement.valid or emulated:
            ms = measurement.best.steady.p50.ms
            return Costs(
                ms=ms,
                disturbed=False,
                emulated=emulated,
                bytes=artifact.bytes,
                method=artifact.method,
                unmet=unmet,
            )
    raise StageError(f"{device} was measured twice, both times invalid: {'; '.join(measurement.reasons)}")


def choose_method(target: Target) -> str:
    """Return the method that an untrained network is converted by: int8, or the first that needs no retraining."""
    accepted = target.accepts.methods
    return "int8" if "int8" in accepted else next(name for name in accepted if not methods.find_method(name).retraining)


class TrainedRun:
    """A candidate that is trained, and converted when it is asked for.

    Args:
        context: of the candidate.
        dataset: the photos of the order.
    """

    def __init__(self, context: Context, dataset: Dataset) -> None:
        self._target = context.order.targets[0]
        self._model = FoldModel(context, dataset, Model(context).input_spec)
        self._files = Files(context, self._model)
        self._scores = ModelScores(context, self._model, self._files)
        # The ladder reads its clock after each attempt. The seconds of the gate stay on that of the candidate.
        clock = StageClock()
        self._selection = Selection(replace(context, clock=clock), self._files, self._scores, self._target)

    def judge_model(self) -> NDArray[np.bool_]:
        """Return which decisions about the validation photos the Keras model makes rightly: bool [decisions].

        Raises:
            StageError: the training failed.
        """
        return self._find_correct(self._scores.score_reference("validation"))

    def choose_file(self) -> Artifact:
        """Return the file that the methods of the target lead to; no test photo is predicted.

        Raises:
            StageError: no file could be made.
        """
        return self._selection.choose()

    def judge_file(self, artifact: Artifact) -> tuple[NDArray[np.bool_], Scores]:
        """Return which decisions about the validation photos a file makes rightly, and its scores."""
        kernels = self._target.choose_kernels(artifact.format)
        scores = self._scores.score(artifact, "validation", kernels)
        return self._find_correct(scores), scores

    def _find_correct(self, scores: Scores) -> NDArray[np.bool_]:
        photos = self._model.dataset.validation
        task = make_task(self._model.trained.threshold_values)
        return metrics.find_correct(read_array(scores.path), list_labels(photos), task).ravel()


def number_decisions(dataset: Dataset) -> NDArray[np.int64] | None:
    """Number the decisions about the validation photos that are not independent: int64 [decisions]; None if all are."""
    photos = dataset.validation
    groups = [photo.group for photo in photos] if any(photo.group for photo in photos) else []
    thresholds = [0.5] * len(dataset.classes) if dataset.multi_label else []
    return make_task(thresholds).number_clusters(groups, len(photos))


def _draw_few(dataset: Dataset) -> Dataset:
    """Return a few photos of each part, evenly drawn."""

    def draw(photos: tuple[Photo, ...]) -> tuple[Photo, ...]:
        return tuple(photos[row] for row in metrics.sample_evenly(len(photos), _FEW_PHOTOS))

    return dataset.model_copy(
        update={
            "train": draw(dataset.train),
            "validation": draw(dataset.validation),
            "test": draw(dataset.test),
            # The hash is the key of the data set, and these are other photos.
            "sha256": hashlib.sha256(f"{dataset.sha256} {_FEW_PHOTOS}".encode()).hexdigest(),
        }
    )
