"""Trained → Artifacts: the files of a model by format and method, and the ranges and retrainings that they share."""

from typing import Literal

from edgetl.core import methods
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.methods import Method
from edgetl.core.photos import calibration_audit
from edgetl.core.photos.dataset import draw_calibration_photos
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.recipe.tables import RetrainingTables, RetrainKind
from edgetl.core.records import ActivationRanges, Artifact, Photo, SourceModel
from edgetl.core.requests import CalibrationRequest, ConversionRequest, RoundingRequest
from edgetl.core.retrain_job import RetrainedModel
from edgetl.core.run.run_folder import StageSpec
from edgetl.core.storage.files import hash_file
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.model import Model


class Files:
    """The model files of one order. Each is made on first use and read back after that."""

    def __init__(self, context: Context, model: Model) -> None:
        self._context = context
        self._model = model
        self._recipe = context.order.recipe

    def make(self, format_name: FormatName, method_name: str) -> Artifact:
        """Return the trained model converted to a format by a method.

        Raises:
            ConfigError: the method trains, and the model was made elsewhere.
            StageError: the conversion failed, or the file does not predict what its quantization-aware model predicts.
        """
        method = methods.find_method(method_name)
        external = self._recipe.external.path
        if method.retraining and external:
            raise ConfigError(
                f"{method_name} trains the model further, and a model made elsewhere is not trained here",
                where=(external,),
                hint="choose a method that changes a finished model, as --method int8 or mixed8, or none",
            )
        if method.retraining == "qat":
            return self._add_features(self._convert_qat(format_name, method))
        if method.adaround:
            return self._add_features(self._round(format_name, method))
        if method.uses_shared_ranges:
            return self._add_features(self._quantize(format_name, method))
        return self._add_features(self._convert(format_name, method))

    def calibrate(self, format_name: FormatName, *, more: bool) -> ActivationRanges:
        """Return the ranges of all activations.

        Args:
            format_name: format of the files that the ranges are for.
            more: whether the larger second set of photos, of `int8_more`, sets them.

        Raises:
            DataError: photos that cannot set ranges.
            StageError: the converter failed.
        """
        photos = self._draw_photos(more=more)
        title = f"ranges for {FORMATS[format_name].title} from {len(photos.photos)} training photos"
        name = f"calibrate-{format_name}-more" if more else f"calibrate-{format_name}"
        request = CalibrationRequest(
            format_name=format_name,
            trained=self._model.trained,
            source=self._prepare_source(format_name),
            dataset=self._model.dataset,
            photos=photos,
        )
        return self._context.run_stage(
            StageSpec(name=name, record=ActivationRanges, title=title), stages.calibrate.calibrate_activations, request
        )

    def retrain(self, kind: RetrainKind) -> RetrainedModel:
        """Return the trained model after quantization-aware training, pruning or clustering."""
        dataset = self._model.dataset
        epochs = self._recipe.retrain.get_epochs(kind)
        title = f"{kind}: {epochs} more epochs on {len(dataset.train)} photos"
        return self._context.run_stage(
            StageSpec(name=f"retrain-{kind}", record=RetrainedModel, title=title),
            stages.retrain.retrain_model,
            kind,
            self._model.trained,
            dataset,
            self._recipe.select(RetrainingTables),
        )

    def explain_skip(self, format_name: FormatName, method: Method) -> str:
        """Say why a file by this method cannot be better than that of the method before it; "" where it may be."""
        if method.more_photos:
            first, more = len(self._draw_photos(more=False).photos), len(self._draw_photos(more=True).photos)
            # Fewer photos than before set worse ranges.
            if more < first:
                return f"{more} further training photos are fewer than the {first} that set the ranges"
            return calibration_audit.explain_disagreement(
                self.calibrate(format_name, more=False).layers, self.calibrate(format_name, more=True).layers
            )
        if method.mixed and not method.float_layers and not self.has_float_layers(format_name):
            return "every layer has an int8 kernel: the file would be that of int8"
        if method.float_layers:
            layers = len(ladder.select_weighted_layers(self.calibrate(format_name, more=False).layers))
            if method.float_layers > layers // 2:
                return f"{method.float_layers} of {layers} layers in float would be more than half"
        return ""

    def has_float_layers(self, format_name: FormatName) -> bool:
        """Return whether the model has layers without an int8 kernel.

        Raises:
            DataError: photos that cannot set ranges.
            StageError: the calibrator failed.
        """
        return bool(self.calibrate(format_name, more=False).in_float)

    def _convert(self, format_name: FormatName, method: Method) -> Artifact:
        source = self._prepare_source(format_name, method.retraining)
        photos = self._draw_photos(more=False) if method.calibrated else self._make_set(())
        title = f"convert to {method.name} {FORMATS[format_name].title}"
        if photos.photos:
            title += f", ranges from {len(photos.photos)} training photos"
        request = ConversionRequest(
            format_name=format_name,
            method=method,
            trained=self._model.trained,
            source=source,
            photos=photos,
            dataset=self._model.dataset,
        )
        return self._context.run_stage(
            _artifact_spec(format_name, method, title), stages.convert.convert_model, request
        )

    def _quantize(self, format_name: FormatName, method: Method) -> Artifact:
        return self._context.run_stage(
            _artifact_spec(format_name, method),
            stages.convert.quantize_with_ranges,
            format_name,
            self._model.trained,
            self.calibrate(format_name, more=method.more_photos),
            method,
        )

    def _round(self, format_name: FormatName, method: Method) -> Artifact:
        photos = self._draw_photos(more=method.more_photos)
        title = (
            f"convert to {method.name} {FORMATS[format_name].title}, rounding by {len(photos.photos)} training photos"
        )
        request = RoundingRequest(
            format_name=format_name,
            method=method,
            trained=self._model.trained,
            ranges=self.calibrate(format_name, more=method.more_photos),
            photos=photos,
        )
        return self._context.run_stage(
            _artifact_spec(format_name, method, title), stages.convert.round_with_photos, request
        )

    def _add_features(self, artifact: Artifact) -> Artifact:
        """Return the file with its pooled features as a second output, unless the recipe leaves them out."""
        if not self._recipe.answers.features:
            return artifact
        spec = StageSpec(name=f"features-{artifact.format}-{artifact.method}", record=Artifact)
        return self._context.run_stage(spec, stages.convert.write_features, artifact)

    def _convert_qat(self, format_name: FormatName, method: Method) -> Artifact:
        artifact = self._context.run_stage(
            _artifact_spec(format_name, method),
            stages.convert.convert_qat_model,
            format_name,
            self._model.trained,
            self.retrain("qat"),
        )
        # A refusal is a result of the stage. An error would not be kept, and the training would be repeated.
        if artifact.refusal.message:
            raise StageError(artifact.refusal.message, where=(artifact.path,), hint=artifact.refusal.hint)
        return artifact

    def _prepare_source(
        self, format_name: FormatName, retraining: Literal["", "qat", "prune", "cluster"] = ""
    ) -> SourceModel:
        """Return the file that conversions to a format start from: the .keras file or its translation.

        Args:
            format_name: the format.
            retraining: kind of retraining that is done first; "" for none.
        """
        trained = self._model.trained
        source = SourceModel(path=trained.path, sha256=trained.sha256)
        if retraining:
            # The record of a retraining covers a folder, so its model is hashed here.
            path = self.retrain(retraining).model
            source = SourceModel(path=path, sha256=hash_file(path))
        if not FORMATS[format_name].translated:
            return source
        name = f"translate-{format_name}-{retraining}" if retraining else f"translate-{format_name}"
        spec = StageSpec(name=name, record=SourceModel, title=f"translate to {FORMATS[format_name].title}")
        return self._context.run_stage(spec, stages.translate.translate_model, format_name, source)

    def _draw_photos(self, *, more: bool) -> PhotoSet:
        """Draw the photos that set ranges; with `more`, at most four times as many, and none of the first set.

        The second set shares no photo with the first, so a range that both agree on does not depend on the draw.
        """
        count = self._recipe.convert.calibration_photos
        # One draw, cut in two: a photo has the same place in every draw with this seed.
        drawn = draw_calibration_photos(self._model.dataset, 5 * count, self._recipe.training.seed)
        return self._make_set(drawn[count:] if more else drawn[:count])

    def _make_set(self, photos: tuple[Photo, ...]) -> PhotoSet:
        return PhotoSet(part="train", photos=photos, input_spec=self._model.trained.input)


def _artifact_spec(format_name: FormatName, method: Method, title: str = "") -> StageSpec[Artifact]:
    title = title or f"convert to {method.name} {FORMATS[format_name].title}"
    return StageSpec(name=f"convert-{format_name}-{method.name}", record=Artifact, title=title)
