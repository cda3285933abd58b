"""The stages that all targets of an order share: photos → Dataset → Trained → Artifacts → Verdicts, each made once.

What is chosen for a target, bundled and measured is `delivery`'s: this file knows formats and kernels, no target.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from edgetl import stages
from edgetl.core import bases, cache, calibration, dataset, ladder, machine, methods, tell
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.formats import FORMATS, FormatName, Kernels
from edgetl.core.questions import Questions
from edgetl.core.recipe import Kind, Recipe
from edgetl.core.records import (
    Artifact,
    Calibrated,
    Dataset,
    Graph,
    Input,
    Part,
    Photo,
    Record,
    Scores,
    Trained,
    Verdict,
)
from edgetl.core.retraining import Retrained
from edgetl.core.runs import Run, sha256_of, version
from edgetl.order import Order

R = TypeVar("R", bound=Record)

# Plain kernels are slow (see `formats`); the ledger may spend this long on them.
_LEDGER_S = 90.0


class Chain:
    """The stages of one order in one run folder, each run when something asks for its result."""

    def __init__(self, order: Order, run: Run, console: Console) -> None:
        self.order = order
        self.run = run
        self.console = console

    @cached_property
    def dataset(self) -> Dataset:
        """The photos, scanned and decoded on every build: only so does a changed folder show."""
        root = self.order.photos or _embedded()
        photos = self.order.recipe.photos
        tree = dataset.scan(root)
        with self.console.bar("photos", len(tree.files), "photos") as bar:
            split = dataset.Split(test=photos.test, validation=photos.validation)
            found = stages.ingest.ingest(tree, self.shape, split, progress=bar.advance)
        self.console.say(
            f"{len(found.train)} training, {len(found.validation)} validation and {len(found.test)} test photos "
            f"of {len(found.classes)} classes in {root}"
        )
        if found.left_out:
            self.console.table(*tell.left_out(found))
        depends_on = {"dataset": found.to_json(root)}
        return self.stage("ingest", depends_on, lambda _: found, Dataset, title="")

    @property
    def shape(self) -> Input:
        """What the model eats."""
        return Input(side_px=self._side_px, fit=self.order.recipe.photos.fit)

    @cached_property
    def _side_px(self) -> int:
        recipe = self.order.recipe
        return stages.adopt.side_px(recipe.own) if recipe.own.path else recipe.base.side_px

    @cached_property
    def trained(self) -> Trained:
        """The fine-tuned Keras model, or the one that was given."""
        bases.check_backend()
        if self.order.recipe.own.path:
            return self._adopted()
        recipe, data = self.order.recipe, self.dataset
        tables = recipe.tables()
        depends_on = {
            "recipe": {key: tables[key] for key in ("base", "head", "augment", "training", "phase1", "phase2")},
            "fit": recipe.photos.fit,
            "dataset": data.sha256,
            "weights": _weights_sha256(recipe),
            "libraries": _versions("keras", "numpy", bases.backend()),
        }
        count = len(data.train)
        title = f"train {recipe.base.name} (alpha {recipe.base.alpha:g}, {recipe.base.side_px} px) on {count} photos"
        return self.stage(
            "train",
            depends_on,
            lambda folder: stages.train.train(data, recipe, folder, console=self.console),
            Trained,
            title=title,
        )

    def _adopted(self) -> Trained:
        recipe, data = self.order.recipe, self.dataset
        own = recipe.own
        depends_on = {
            "own": {"scaling": own.scaling, "model": sha256_of(Path(own.path))},
            "labels": sha256_of(Path(own.labels)) if own.labels else "",
            "fit": recipe.photos.fit,
            "dataset": data.sha256,
            "libraries": _versions("keras", "numpy", bases.backend()),
        }
        return self.stage(
            "train",
            depends_on,
            lambda folder: stages.adopt.adopt(own, data, self.shape, folder, console=self.console),
            Trained,
            title=f"take {Path(own.path).name} as it is",
        )

    def artifact(self, form: FormatName, name: str) -> Artifact:
        """The trained model converted by one method into one format."""
        method = methods.find(name)
        own = self.order.recipe.own.path
        if method.retrained and own:
            raise ConfigError(
                f"{name} trains the model further, and a model of your own is not trained here",
                where=(own,),
                hint="choose a method that changes a finished model, as --method int8 or mixed8, or none",
            )
        if method.retrained == "qat":
            return self._aware(form, method)
        if method.from_ranges:
            return self._quantized(form, method)
        trained = self._slim(method.retrained) if method.retrained else self.trained
        photos = self._calibration(more=False) if method.calibrated else ()
        graph = self._graph(trained, method.retrained) if form == "onnx" else None
        depends_on = {
            "trained": sha256_of(trained.path),
            "graph": graph.sha256 if graph else "",
            # Some formats carry them, and renamed folders leave the trained numbers as they are.
            "said": [trained.classes, trained.input.model_dump()],
            "method": name,
            "calibration": [photo.sha256 for photo in photos],
            "libraries": _versions(*FORMATS[form].makers),
        }

        def work(folder: Path) -> Artifact:
            if photos:
                calibration.audit(photos, self.dataset, trained.input)
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

    def _graph(self, trained: Trained, retrained: str = "") -> Graph:
        """The trained model in ONNX, as it is or after a retraining of some kind."""
        return self.stage(
            f"translate-onnx-{retrained}" if retrained else "translate-onnx",
            {"trained": sha256_of(trained.path), "libraries": _versions(*FORMATS["onnx"].makers)},
            lambda folder: stages.translate.translate(trained, folder),
            Graph,
            title="translate to ONNX",
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
                "in_float": [layer.name for layer in ladder.weighted(ranges.layers)[: method.float_layers]],
                "libraries": _versions(*FORMATS[form].makers),
            },
            lambda folder: stages.convert.quantize(trained, ranges, method, folder),
            Artifact,
            title=f"convert to {method.name} {FORMATS[form].title}",
        )

    def _aware(self, form: FormatName, method: methods.Method) -> Artifact:
        """The file of a model that learned with the rounding."""
        trained, retrained = self.trained, self.retrained("qat")

        def work(folder: Path) -> Artifact:
            artifact = stages.convert.convert_aware(trained, retrained, form, folder)
            self.console.say(
                f"  the model that learned with the rounding and its file agree on {artifact.agreement:.1%} "
                f"of {len(retrained.proof)} photos"
            )
            return artifact

        return self.stage(
            f"convert-{form}-{method.name}",
            {
                "retrained": retrained.sha256,
                "said": [trained.classes, trained.input.model_dump()],
                "libraries": _versions(*FORMATS[form].makers),
            },
            work,
            Artifact,
            title=f"convert to {method.name} {FORMATS[form].title}",
        )

    def _slim(self, kind: Kind) -> Trained:
        """The trained model with the weights that pruning or clustering left; it goes by the sha256 it came from."""
        return self.trained.model_copy(update={"path": self.retrained(kind).model})

    def retrained(self, kind: Kind) -> Retrained:
        """The trained model after more training: with the rounding in the loop, or with fewer different weights."""
        recipe, data, trained = self.order.recipe, self.dataset, self.trained
        tables = recipe.tables()
        asked = stages.retrain.Retraining(kind=kind, trained=trained, dataset=data, recipe=recipe)
        depends_on = {
            "trained": trained.sha256,
            "recipe": {key: tables[key] for key in ("augment", "training", "phase1", "retrain", "convert")},
            "dataset": data.sha256,
            "libraries": _versions("tensorflow", "tf_keras", "tensorflow-model-optimization"),
        }
        return self.stage(
            f"retrain-{kind}",
            depends_on,
            lambda folder: stages.retrain.retrain(asked, folder, console=self.console),
            Retrained,
            title=f"{kind}: {recipe.retrain.epochs_of(kind)} more epochs on {len(data.train)} photos",
        )

    def ranges(self, form: FormatName, *, more: bool) -> Calibrated:
        """The ranges of all activations, from the calibration photos or from the further and more of `int8_more`."""
        trained, data, photos = self.trained, self.dataset, self._calibration(more=more)
        graph = self._graph(trained) if form == "onnx" else None
        asked = stages.calibrate.Calibrating(form=form, trained=trained, dataset=data, photos=photos, graph=graph)

        def work(folder: Path) -> Calibrated:
            with self.console.bar("ranges", len(photos), "photos") as bar:
                return stages.calibrate.calibrate(asked, folder, advance=bar.advance)

        return self.stage(
            f"calibrate-{form}-more" if more else f"calibrate-{form}",
            {
                "trained": trained.sha256,
                "graph": graph.sha256 if graph else "",
                "calibration": [photo.sha256 for photo in photos],
                "dataset": data.sha256,
                "libraries": _versions(*FORMATS[form].makers, FORMATS[form].package),
            },
            work,
            Calibrated,
            title=f"ranges for {FORMATS[form].title} from {len(photos)} training photos",
        )

    def futile(self, form: FormatName, method: methods.Method) -> str:
        """Why a file by this method cannot be better than the one before it; "" where it may be."""
        if method.more_photos:
            first, further = self._calibration(more=False), self._calibration(more=True)
            if len(further) < len(first):
                return f"{len(further)} further training photos are fewer than the {len(first)} that set the ranges"
            return calibration.disagreement(self.ranges(form, more=False).layers, self.ranges(form, more=True).layers)
        if method.float_layers:
            layers = len(ladder.weighted(self.ranges(form, more=False).layers))
            if method.float_layers > layers // 2:
                return f"{method.float_layers} of {layers} layers in float would be more than half"
        return ""

    def _calibration(self, *, more: bool) -> tuple[Photo, ...]:
        """The photos that set the ranges; with `more`, at most four times as many, none of which is one of them."""
        recipe = self.order.recipe
        wanted = recipe.convert.calibration_photos
        drawn = dataset.calibration(self.dataset, 5 * wanted, recipe.training.seed)
        return drawn[wanted:] if more else drawn[:wanted]

    def verdict(self, artifact: Artifact, part: Part, kernels: Kernels, *, ledger: bool = False) -> Verdict:
        """The artifact on these kernels judged against the Keras reference on one part of the photos."""
        photos, contract = self.dataset.part(part), self.order.recipe.contract
        reference, answers = self.reference(part), self.answers(artifact, part, kernels)
        case = stages.verify.Case(
            method=artifact.method,
            photos=photos,
            classes=self.dataset.classes,
            reference=reference,
            artifact=answers,
            steps=self.steps(artifact, part, kernels) if ledger else (),
        )
        depends_on = {
            "reference": reference.sha256,
            "artifact": answers.sha256,
            "host_ms": answers.invoke_ms,
            "steps": [(name, scores.sha256) for name, scores in case.steps],
            # The answers to renamed photos are the old ones; the verdict names photos and classes.
            "said": [case.classes, [(photo.path, photo.label) for photo in photos]],
            "contract": contract.model_dump(),
        }
        # Two boards of one order may take the same file and run it on other kernels.
        plain = "reference-" if kernels == "reference" else ""
        name = f"verify-{artifact.format}-{artifact.method}-{plain}{part}"
        return self.stage(name, depends_on, lambda _: stages.verify.verify(case, contract), Verdict, title="")

    def steps(self, artifact: Artifact, part: Part, kernels: Kernels) -> tuple[tuple[str, Scores], ...]:
        """Keras → the format in float32 → the artifact on plain kernels → on fast ones: each with its answers."""
        form, method = FORMATS[artifact.format], artifact.method
        answers = self.answers(artifact, part, kernels)
        steps = [("Keras", self.reference(part))]
        if method != "float32":
            float32 = self.artifact(artifact.format, "float32")
            steps.append((f"float32 {form.title}", self.answers(float32, part, form.fast)))
        if kernels == "reference":
            return (*steps, (f"{method}, {form.plain_title}", answers))
        slowdown = form.slowdown if answers.accelerated else 1
        affordable = int(_LEDGER_S * 1000 * machine.cores() / (slowdown * max(answers.invoke_ms, 0.01)))
        plain = self.answers(artifact, part, "reference", at_most=max(1, affordable))
        steps.append((f"{method}, {form.plain_title}", plain))
        steps.append((f"{method}, {form.fast_title if answers.accelerated else form.runtime}", answers))
        return tuple(steps)

    def reference(self, part: Part) -> Scores:
        """The Keras model's answers to one part of the photos."""
        trained = self.trained
        questions = Questions(part=part, photos=self.dataset.part(part), shape=self.shape)
        depends_on = {
            "model": trained.sha256,
            "photos": questions.sha256,
            "libraries": _versions("keras", bases.backend()),
        }
        return self._scored(
            f"score-keras-{part}",
            depends_on,
            questions,
            lambda folder, advance: stages.score.reference(trained, questions, folder, advance=advance),
        )

    def answers(self, artifact: Artifact, part: Part, kernels: Kernels, at_most: int = 2**31) -> Scores:
        """The artifact's answers to one part of the photos, or to so many of them, evenly drawn."""
        photos = self.dataset.part(part)
        drawn = tuple(photos[row] for row in stages.verify.evenly(len(photos), at_most))
        questions = Questions(part=part, photos=drawn, shape=self.shape)
        # A board without fast kernels is asked all of them on the plain ones, and lives beside the ledger's few.
        few = "-few" if len(drawn) < len(photos) else ""
        depends_on = {
            "model": artifact.sha256,
            "photos": questions.sha256,
            "libraries": _versions(FORMATS[artifact.format].package),
        }
        return self._scored(
            f"score-{artifact.format}-{artifact.method}-{kernels}-{part}{few}",
            depends_on,
            questions,
            lambda folder, advance: stages.score.artifact(artifact, questions, kernels, folder, advance=advance),
        )

    def _scored(
        self,
        name: str,
        depends_on: Mapping[str, object],
        questions: Questions,
        make: Callable[[Path, Callable[[int], None]], Scores],
    ) -> Scores:
        def work(folder: Path) -> Scores:
            with self.console.bar(name.replace("-", " "), len(questions.photos), "photos") as bar:
                return make(folder, bar.advance)

        return self.stage(name, depends_on, work, Scores, title=f"{name.replace('-', ' ')} photos")

    def stage(
        self, name: str, depends_on: Mapping[str, object], make: Callable[[Path], R], kind: type[R], *, title: str
    ) -> R:
        """The record of a stage, made now or read back; with a title, its making is told."""

        def work(folder: Path) -> R:
            if not title:
                return make(folder)
            with self.console.step(title):
                return make(folder)

        return self.run.stage(name, depends_on, work, kind).record


def _embedded() -> Path:
    """The embedded digits as a folder of PNGs, written on first use."""
    folder = cache.cache_root() / "digits"
    if not folder.is_dir():
        stages.embedded.write(folder)
    return folder


def _weights_sha256(recipe: Recipe) -> str:
    """What the training starts from; published weights are fetched first, so that this says the same ever after."""
    path = bases.weights_path(recipe.base.name, recipe.base.alpha, recipe.base.weights)
    if path is not None and not path.is_file():
        stages.train.fetch_weights(recipe)
    return sha256_of(path) if path is not None else recipe.base.weights


def _versions(*packages: str) -> dict[str, str]:
    return {package: version(package) for package in packages}
