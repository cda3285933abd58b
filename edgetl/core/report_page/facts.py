"""What the sections of a report are made of: records and arrays of a finished run, all read before."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from edgetl.core.device.measurement import Measurement
from edgetl.core.inspection.photo_findings import PhotoFindings
from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.records import Dataset, LayerError, Photo, Trained
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.run.build_results import BuildResults, TargetResult
from edgetl.core.run.stage_cost import StageCost
from edgetl.core.tasks.labels import list_labels
from edgetl.core.tasks.task import PhotoTask, make_task


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """An epoch of the training: its phase, its number through both phases, losses and accuracies."""

    phase: str
    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


# Compared by identity: arrays have no truth value that a generated __eq__ could use.
@dataclass(frozen=True, kw_only=True, eq=False)
class RunFacts:
    """What is known of a run, apart from its targets.

    Attributes:
        root: the run folder.
        title: name of the photos.
        dataset: the photos.
        trained: the model.
        results: what the build decided.
        thumbnails: makes the pictures of test photos, the most important ones first: its budget may end.
        findings: what is known of the photos of all parts; None where nothing is.
        inspected_thumbnails: makes the pictures of photos of all parts, by the rows of `findings`.
        commands: name of a purpose → the command that a user types: "build", "inspect", "bench", "demo", "bundle".
        epochs: of the training; empty for a model made elsewhere.
        recipe: text of recipe.toml.
        notes: what the page lacks, in sentences.
        costs: name of a stage → what it took when it was made.
    """

    root: Path
    title: str
    dataset: Dataset
    trained: Trained
    results: BuildResults
    thumbnails: Thumbnails
    commands: dict[str, str] = field(default_factory=dict)
    epochs: tuple[Epoch, ...] = ()
    recipe: str = ""
    notes: tuple[str, ...] = ()
    findings: PhotoFindings | None = None
    inspected_thumbnails: Thumbnails = field(default_factory=lambda: Thumbnails(None))
    costs: dict[str, StageCost] = field(default_factory=dict)

    @property
    def photos(self) -> tuple[Photo, ...]:
        """The test photos, in the order of their scores."""
        return self.dataset.test

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes or labels."""
        return self.dataset.classes

    def show(self, row: int, side_px: int) -> dict[str, str]:
        """Return what the macro `photo` shows of a test photo: uri, path and label."""
        photo = self.photos[row]
        names = [self.classes[index] for index in photo.list_classes() if index < len(self.classes)]
        return {"uri": self.thumbnails.make(row, side_px), "path": photo.path, "label": ", ".join(names) or "no label"}


@dataclass(frozen=True, kw_only=True, eq=False)
class TargetFacts:
    """What is known of one target of a run.

    Attributes:
        result: what the build decided for it.
        photos: the test photos.
        reference: scores of Keras: float [photos, classes].
        artifact: scores of the chosen file: float [photos, classes].
        layers: quantization errors of the layers, largest first; empty where no int8 file was calibrated.
        answers: thresholds of the file; empty without features.
        measurements: "host" or the name of a device, with what was measured there.
        bundled: method of the file in the bundle now.
    """

    result: TargetResult
    photos: tuple[Photo, ...]
    reference: np.ndarray
    artifact: np.ndarray
    layers: tuple[LayerError, ...] = ()
    answers: tuple[AnswerRule, ...] = ()
    measurements: tuple[tuple[str, Measurement], ...] = ()
    bundled: str = ""

    @cached_property
    def task(self) -> PhotoTask:
        """What the model decides about a photo."""
        return make_task(self.result.verdict.thresholds)

    @property
    def has_labels(self) -> bool:
        """Whether a photo may have several labels."""
        return bool(self.result.verdict.labels)

    @cached_property
    def truth(self) -> np.ndarray:
        """The classes of the photos: int64 [photos], or [photos, labels]."""
        return list_labels(self.photos)

    @cached_property
    def reference_decisions(self) -> np.ndarray:
        """The decisions of Keras, in the shape of `truth`."""
        return self.task.decide(self.reference)

    @cached_property
    def decisions(self) -> np.ndarray:
        """The decisions of the chosen file, in the shape of `truth`."""
        return self.task.decide(self.artifact)
