"""Trained → Artifacts: the files of a model, by format and method, with the ranges and retrainings that they share."""

from pathlib import Path

from edgetl import stages
from edgetl.core import methods
from edgetl.core.errors import ConfigError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.formats import FORMATS, FormatName
from edgetl.core.photos import calibration_audit, dataset
from edgetl.core.recipe import RetrainKind
from edgetl.core.records import ActivationRanges, Artifact, Photo, SourceModel, Trained
from edgetl.core.retrain_job import RetrainedModel, made_by
from edgetl.core.runs import hash_file, installed_versions
from edgetl.pipeline.model import ModelChain


class FileChain(ModelChain):
    """The stages up to the files, each run when something asks for its result."""

    def artifact(self, form: FormatName, name: str) -> Artifact:
        """The trained model converted by one method into one format."""
        method = methods.find_method(name)
        own = self.order.recipe.external.path
        if method.retraining and own:
            raise ConfigError(
                f"{name} trains the model further, and a model of your own is not trained here",
                where=(own,),
                hint="choose a method that changes a finished model, as --method int8 or mixed8, or none",
            )
        if method.retraining == "qat":
            return self._aware(form, method)
        if method.uses_shared_ranges:
            return self._quantized(form, method)
        trained = self._slim(method.retraining) if method.retraining else self.trained
        photos = self._calibration(more=False) if method.calibrated else ()
        graph = self._graph(trained, method.retraining) if form == "onnx" else None
        depends_on = {
            "trained": hash_file(trained.path),
            "graph": graph.sha256 if graph else "",
            # Some formats carry them, and renamed folders leave the trained numbers as they are.
            "said": [trained.classes, trained.input.model_dump()],
            "method": name,
            "calibration": [photo.sha256 for photo in photos],
            "libraries": installed_versions(*FORMATS[form].converter_packages),
        }

        def work(folder: Path) -> Artifact:
            if photos:
                calibration_audit.audit_calibration(photos, self.dataset, trained.input)
            if graph:
                return stages.convert.convert_graph(trained, graph, method, photos, folder)
            return stages.convert.convert(trained, method, photos, folder)

        return self.stage(
            f"convert-{form}-{name}",
            depends_on,
            work,
            Artifact,
            title=f"convert to {name} {FORMATS[form].title}"
            + (f", ranges from {len(photos)} training photos" if photos else ""),
        )

    def _quantized(self, form: FormatName, method: methods.Method) -> Artifact:
        """An int8 file out of the ranges that all of its format share."""
        trained, ranges = self.trained, self.ranges(form, more=method.more_photos)
        return self.stage(
            f"convert-{form}-{method.name}",
            {
                "trained": trained.sha256,
                "said": [trained.classes, trained.input.model_dump()],
                "ranges": ranges.sha256,
                "in_float": [
                    layer.name for layer in ladder.select_weighted_layers(ranges.layers)[: method.float_layers]
                ],
                "libraries": installed_versions(*FORMATS[form].converter_packages),
            },
            lambda folder: stages.convert.quantize(trained, ranges, method, folder),
            Artifact,
            title=f"convert to {method.name} {FORMATS[form].title}",
        )

    def _aware(self, form: FormatName, method: methods.Method) -> Artifact:
        """The file of a model that learned with the rounding.

        Raises:
            StageError: the file does not answer as that model does.
        """
        trained, retrained = self.trained, self.retrained("qat")

        def work(folder: Path) -> Artifact:
            artifact = stages.convert.convert_aware(trained, retrained, form, folder)
            self.console.say(
                f"  the model that learned with the rounding and its file agree on {artifact.agreement:.1%} "
                f"of {len(retrained.proof)} photos"
            )
            return artifact

        artifact = self.stage(
            f"convert-{form}-{method.name}",
            {
                "retrained": retrained.sha256,
                "said": [trained.classes, trained.input.model_dump()],
                "libraries": installed_versions(*FORMATS[form].converter_packages, FORMATS[form].runtime_package),
            },
            work,
            Artifact,
            title=f"convert to {method.name} {FORMATS[form].title}",
        )
        # The refusal is a result as well: a training is not repeated to hear it again.
        if artifact.refusal.message:
            raise StageError(artifact.refusal.message, where=(artifact.path,), hint=artifact.refusal.hint)
        return artifact

    def _slim(self, kind: RetrainKind) -> Trained:
        """The trained model with the weights that pruning or clustering left; it goes by the sha256 it came from."""
        return self.trained.model_copy(update={"path": self.retrained(kind).model})

    def _graph(self, trained: Trained, retrained: str = "") -> SourceModel:
        """The trained model in ONNX, as it is or after a retraining of some kind."""
        return self.stage(
            f"translate-onnx-{retrained}" if retrained else "translate-onnx",
            {"trained": hash_file(trained.path), "libraries": installed_versions(*FORMATS["onnx"].converter_packages)},
            lambda folder: stages.translate.translate(trained, folder),
            SourceModel,
            title="translate to ONNX",
        )

    def retrained(self, kind: RetrainKind) -> RetrainedModel:
        """The trained model after more training: with the rounding in the loop, or with fewer different weights."""
        recipe, data, trained = self.order.recipe, self.dataset, self.trained
        tables = recipe.tables()
        depends_on = {
            "trained": trained.sha256,
            "recipe": {key: tables[key] for key in ("augment", "training", "phase1", "retrain", "convert")},
            "dataset": data.sha256,
            "code": made_by(),
            "libraries": installed_versions("tensorflow", "tf_keras", "tensorflow-model-optimization"),
        }

        def work(folder: Path) -> RetrainedModel:
            asked = stages.retrain.Retraining(kind=kind, trained=trained, dataset=data, recipe=recipe)
            return stages.retrain.retrain(asked, folder, console=self.console)

        return self.stage(
            f"retrain-{kind}",
            depends_on,
            work,
            RetrainedModel,
            title=f"{kind}: {recipe.retrain.epochs_of(kind)} more epochs on {len(data.train)} photos",
        )

    def ranges(self, form: FormatName, *, more: bool) -> ActivationRanges:
        """The ranges of all activations, from the calibration photos or from the further and more of `int8_more`."""
        trained, data, photos = self.trained, self.dataset, self._calibration(more=more)
        graph = self._graph(trained) if form == "onnx" else None

        def work(folder: Path) -> ActivationRanges:
            asked = stages.calibrate.Calibrating(trained=trained, dataset=data, photos=photos, graph=graph)
            with self.console.bar("ranges", len(photos), "photos") as bar:
                return stages.calibrate.calibrate(asked, folder, advance=bar.advance)

        return self.stage(
            f"calibrate-{form}-more" if more else f"calibrate-{form}",
            {
                "trained": trained.sha256,
                "graph": graph.sha256 if graph else "",
                "calibration": [photo.sha256 for photo in photos],
                "dataset": data.sha256,
                "libraries": installed_versions(*FORMATS[form].converter_packages, FORMATS[form].runtime_package),
            },
            work,
            ActivationRanges,
            title=f"ranges for {FORMATS[form].title} from {len(photos)} training photos",
        )

    def futile(self, form: FormatName, method: methods.Method) -> str:
        """Why a file by this method cannot be better than the one before it; "" where it may be."""
        if method.more_photos:
            first, further = self._calibration(more=False), self._calibration(more=True)
            if len(further) < len(first):
                return f"{len(further)} further training photos are fewer than the {len(first)} that set the ranges"
            return calibration_audit.explain_disagreement(
                self.ranges(form, more=False).layers, self.ranges(form, more=True).layers
            )
        if method.float_layers:
            layers = len(ladder.select_weighted_layers(self.ranges(form, more=False).layers))
            if method.float_layers > layers // 2:
                return f"{method.float_layers} of {layers} layers in float would be more than half"
        return ""

    def _calibration(self, *, more: bool) -> tuple[Photo, ...]:
        """The photos that set the ranges; with `more`, at most four times as many, none of which is one of them."""
        recipe = self.order.recipe
        wanted = recipe.convert.calibration_photos
        drawn = dataset.draw_calibration_photos(self.dataset, 5 * wanted, recipe.training.seed)
        return drawn[wanted:] if more else drawn[:wanted]
