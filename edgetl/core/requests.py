"""Requests: the arguments of stages that need more than a few records."""

from dataclasses import dataclass

from edgetl.core.device.targets import Target
from edgetl.core.formats import FormatName, KernelSet
from edgetl.core.methods import Method
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.recipe.tables import AnswersRecipe, Recipe
from edgetl.core.records import ActivationRanges, Artifact, Dataset, Photo, SourceModel, Trained
from edgetl.core.rejection.feature_files import FeatureFiles
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.verdict_records import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationRequest:
    """A calibration.

    Attributes:
        format_name: format of the files that use the ranges.
        trained: the model.
        source: the file that conversions to this format start from.
        dataset: the dataset of the photos.
        photos: photos of the training part that set the ranges.
    """

    format_name: FormatName
    trained: Trained
    source: SourceModel
    dataset: Dataset
    photos: PhotoSet


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionRequest:
    """A conversion by a method that does not use shared activation ranges.

    Attributes:
        format_name: format of the file.
        method: the conversion method.
        trained: the trained model.
        source: the file that the conversion starts from, made from `trained` or from its retrained copy.
        photos: photos of the training part that set the activation ranges; empty for methods without calibration.
        dataset: the dataset of the photos.
    """

    format_name: FormatName
    method: Method
    trained: Trained
    source: SourceModel
    photos: PhotoSet
    dataset: Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundingRequest:
    """A conversion to int8 with weights that photos round up or down.

    Attributes:
        format_name: format of the file.
        method: an int8 method with `adaround`.
        trained: the trained model.
        ranges: of this model for this format.
        photos: the photos of the training part that set the ranges.
    """

    format_name: FormatName
    method: Method
    trained: Trained
    ranges: ActivationRanges
    photos: PhotoSet


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerRequest:
    """The thresholds of a file.

    Attributes:
        artifact: a file with features.
        trained: the model.
        dataset: the dataset of the photos.
        kernels: the kernels that the file runs on.
        recipe: what the user allows.
        seed: draws images and classes.
        foreign: sha256 of photos of other things in the pixel store.
        float32: the float32 file with features, whose answers are compared; none where the file is that one.
        predicted: predictions of both files that are not computed again.
    """

    artifact: Artifact
    trained: Trained
    dataset: Dataset
    kernels: KernelSet
    recipe: AnswersRecipe
    seed: int
    foreign: tuple[str, ...] = ()
    float32: tuple[Artifact, ...] = ()
    predicted: tuple[FeatureFiles, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleRequest:
    """A bundle.

    Attributes:
        target: the target to bundle for.
        trained: the Keras model.
        artifact: the converted model.
        verdict: verdict on the artifact.
        dataset: the dataset of the photos.
        recipe: the recipe of the build, for the provenance in model.json.
        golden_photos: test photos whose predictions the device compares with those of the host.
        answers: thresholds of the file; none for a file without features.
        memory: what the file needs on a microcontroller; none for other targets.
    """

    target: Target
    trained: Trained
    artifact: Artifact
    verdict: Verdict
    dataset: Dataset
    recipe: Recipe
    golden_photos: tuple[Photo, ...]
    answers: tuple[AnswerRule, ...] = ()
    memory: tuple[MemoryUse, ...] = ()
