"""Arguments of stages that take more than a few records."""

from dataclasses import dataclass

from edgetl.core.device.targets import Target
from edgetl.core.formats import FormatName
from edgetl.core.methods import Method
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.recipe.tables import Recipe
from edgetl.core.records import Artifact, Dataset, Photo, SourceModel, Trained, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class CalibrationRequest:
    """What to calibrate.

    Attributes:
        format_name: format of the files that the ranges are for.
        trained: the model.
        source: the file that conversions to this format start from.
        dataset: where the photos come from.
        photos: photos of the training part that set the ranges.
    """

    format_name: FormatName
    trained: Trained
    source: SourceModel
    dataset: Dataset
    photos: PhotoSet


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionRequest:
    """What to convert by a method without shared ranges.

    Attributes:
        format_name: format of the file.
        method: dtypes of weights and activations.
        trained: the model that the build has trained.
        source: the file that the conversion starts from, made of `trained` or of a retrained copy.
        photos: photos of the training part that set the activation ranges; empty for methods that need none.
        dataset: where the photos come from.
    """

    format_name: FormatName
    method: Method
    trained: Trained
    source: SourceModel
    photos: PhotoSet
    dataset: Dataset


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleRequest:
    """What to bundle for which target, with the photos whose predictions the bundle checks on the device."""

    target: Target
    trained: Trained
    artifact: Artifact
    verdict: Verdict
    dataset: Dataset
    recipe: Recipe
    golden_photos: tuple[Photo, ...]
