"""The stages of one order: photos → Dataset → Trained → Artifacts → Verdict → Bundle, each made once.

Methods are tried in the target's order of preference and scored on the validation part; the first within the limit is
chosen, and only that one is judged on the test part, once: choosing on the test photos would spoil them.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from edgetl import stages
from edgetl.core import bases, bundles, cache, dataset, machine, methods, tell
from edgetl.core.console import Console
from edgetl.core.errors import ConfigError, EdgetlError
from edgetl.core.measures import Wanted
from edgetl.core.questions import Questions
from edgetl.core.recipe import Recipe
from edgetl.core.records import (
    Artifact,
    Benchmark,
    Bundle,
    Dataset,
    Input,
    Part,
    Photo,
    Record,
    Scores,
    Trained,
    Verdict,
)
from edgetl.core.runs import Run, folder_name, sha256_of, version
from edgetl.order import Order

if TYPE_CHECKING:
    from edgetl.stages.deploy import Device

Kernels = Literal["xnnpack", "reference"]
R = TypeVar("R", bound=Record)

# Reference kernels were measured about 50 times slower than XNNPACK; the ledger may spend this long on them.
_REFERENCE_SLOWDOWN = 50
_LEDGER_S = 90.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One method's artifact with its verdict on the validation part."""

    artifact: Artifact
    validation: Verdict

    @property
    def within_limit(self) -> bool:
        """Whether the drop seen on the validation photos is one that the contract allows."""
        return self.validation.outcome != "FAIL" and self.validation.drop <= self.validation.limit_drop


class Chain:
    """The stages of one order in one run folder, each run when something asks for its result."""

    def __init__(self, order: Order, run: Run, console: Console) -> None:
        self._order = order
        self._run = run
        self._console = console

    @cached_property
    def dataset(self) -> Dataset:
        """The photos, scanned and decoded on every build: only so does a changed folder show."""
        root = self._order.photos or _embedded()
        photos = self._order.recipe.photos
        tree = dataset.scan(root)
        with self._console.bar("photos", len(tree.files), "photos") as bar:
            split = dataset.Split(test=photos.test, validation=photos.validation)
            found = stages.ingest.ingest(tree, self.shape, split, progress=bar.advance)
        self._console.say(
            f"{len(found.train)} training, {len(found.validation)} validation and {len(found.test)} test photos "
            f"of {len(found.classes)} classes in {root}"
        )
        if found.left_out:
            self._console.table(*tell.left_out(found))
        depends_on = {"dataset": found.to_json(root)}
        return self._stage("ingest", depends_on, lambda _: found, Dataset, title="")

    @property
    def shape(self) -> Input:
        """What the model eats."""
        return Input(side_px=self._side_px, fit=self._order.recipe.photos.fit)

    @cached_property
    def _side_px(self) -> int:
        recipe = self._order.recipe
        return stages.adopt.side_px(recipe.own) if recipe.own.path else recipe.base.side_px

    @cached_property
    def trained(self) -> Trained:
        """The fine-tuned Keras model, or the one that was given."""
        bases.check_backend()
        if self._order.recipe.own.path:
            return self._adopted()
        recipe, data = self._order.recipe, self.dataset
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
        return self._stage(
            "train",
            depends_on,
            lambda folder: stages.train.train(data, recipe, folder, console=self._console),
            Trained,
            title=title,
        )

    def _adopted(self) -> Trained:
        recipe, data = self._order.recipe, self.dataset
        own = recipe.own
        depends_on = {
            "own": {"scaling": own.scaling, "model": sha256_of(Path(own.path))},
            "labels": Path(own.labels).read_text(encoding="utf-8") if own.labels else "",
            "fit": recipe.photos.fit,
            "dataset": data.sha256,
            "libraries": _versions("keras", "numpy", bases.backend()),
        }
        return self._stage(
            "train",
            depends_on,
            lambda folder: stages.adopt.adopt(own, data, self.shape, folder, console=self._console),
            Trained,
            title=f"take {Path(own.path).name} as it is",
        )

    def artifact(self, name: str) -> Artifact:
        """The trained model converted by one method."""
        method = methods.find(name)
        trained, data = self.trained, self.dataset
        wanted = self._order.recipe.convert.calibration_photos
        photos = dataset.calibration(data, wanted, self._order.recipe.training.seed) if method.calibrated else ()
        depends_on = {
            "trained": trained.sha256,
            "method": name,
            "calibration": [photo.sha256 for photo in photos],
            "libraries": _versions("tensorflow", "keras"),
        }
        return self._stage(
            f"convert-tflite-{name}",
            depends_on,
            lambda folder: stages.convert.convert(trained, method, photos, folder),
            Artifact,
            title=f"convert to {name}" + (f", ranges from {len(photos)} training photos" if photos else ""),
        )

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The methods' artifacts with their verdicts on validation, up to the first within the limit (or all)."""
        made = []
        for name in self._methods():
            artifact = self.artifact(name)
            candidate = Candidate(artifact=artifact, validation=self.verdict(artifact, "validation"))
            made.append(candidate)
            if candidate.within_limit and not self._order.all_methods:
                break
        return tuple(made)

    def chosen(self, method: str = "") -> Artifact:
        """The artifact of that method; without one, the first candidate within the limit, else the nearest to it."""
        if method:
            return self.artifact(self._accepted(method))
        within = (candidate for candidate in self.candidates if candidate.within_limit)
        return next(within, min(self.candidates, key=lambda candidate: candidate.validation.drop)).artifact

    def verdict(self, artifact: Artifact, part: Part, *, ledger: bool = False) -> Verdict:
        """The artifact judged against the Keras reference on one part of the photos."""
        photos, contract = self.dataset.part(part), self._order.recipe.contract
        reference, answers = self._reference(part), self._answers(artifact, part, self._kernels)
        case = stages.verify.Case(
            method=artifact.method,
            photos=photos,
            classes=self.dataset.classes,
            reference=reference,
            artifact=answers,
            steps=self._steps(artifact, part, reference, answers) if ledger else (),
        )
        depends_on = {
            "reference": reference.sha256,
            "artifact": answers.sha256,
            "host_ms": answers.invoke_ms,
            "steps": [(name, scores.sha256) for name, scores in case.steps],
            "contract": contract.model_dump(),
        }
        name = f"verify-tflite-{artifact.method}-{part}"
        return self._stage(name, depends_on, lambda _: stages.verify.verify(case, contract), Verdict, title="")

    def bundle(self, artifact: Artifact, verdict: Verdict) -> Bundle:
        """The folder for the device."""
        golden = bundles.golden_photos(self.dataset)
        depends_on = {
            "artifact": artifact.sha256,
            "verdict": verdict.model_dump(mode="json"),
            "target": self._order.target.model_dump(mode="json", exclude={"source", "payload"}),
            "payload": {file.name: sha256_of(file.path) for file in self._order.target.payload},
            "recipe": self._order.recipe.tables(),
            "golden": [photo.sha256 for photo in golden],
        }
        return self._stage(
            f"bundle-{self._order.target.id}",
            depends_on,
            lambda folder: self._bundled(artifact, verdict, golden, folder),
            Bundle,
            title=f"bundle for {self._order.target.id}",
        )

    def wanted(self, artifact: Artifact, *, soak_s: float, accuracy: bool) -> Wanted:
        """What is to be measured; with `accuracy`, on the test photos too."""
        data = self.dataset
        return Wanted(
            model_sha256=artifact.sha256,
            soak_s=soak_s,
            classes=data.classes,
            root=data.root,
            photos=data.test if accuracy else (),
        )

    def benched(self, bundle: Bundle, wanted: Wanted) -> Benchmark:
        """The bundle measured on this machine, every time anew."""
        self._run.make_again("bench")
        return self._stage(
            "bench-host",
            {"bundle": bundle.files},
            lambda folder: stages.bench.bench(bundle, wanted, folder, said=self._console.say),
            Benchmark,
            title="measure here: the host, not the device",
        )

    def fleet(self, devices: Sequence[str], bundle: Bundle, wanted: Wanted) -> list[Benchmark | EdgetlError]:
        """The bundle measured on every device at once, in their order; one that fails fails alone.

        Raises:
            ConfigError: a name that is none for ssh, or two that cannot be told apart.
        """
        self._run.make_again("bench")
        stop = threading.Event()
        fleet = [stages.deploy.Device(name=name, alone=len(devices) == 1, stop=stop) for name in devices]
        if len({folder_name("bench", name) for name in devices}) < len(devices):
            raise ConfigError("two devices of the same name", where=devices)

        def measured(device: "Device") -> Benchmark | EdgetlError:
            try:
                return self._run.stage(
                    folder_name("bench", device.name),
                    {"bundle": bundle.files},
                    lambda folder: stages.deploy.deploy(
                        device, bundle, wanted, folder, said=lambda text: self._console.say(f"• {device.name}: {text}")
                    ),
                    Benchmark,
                ).record
            except EdgetlError as error:
                return error

        with ThreadPoolExecutor(len(fleet)) as pool:
            try:
                return list(pool.map(measured, fleet))
            except KeyboardInterrupt:
                stop.set()
                raise

    def device_verdict(self, artifact: Artifact, benchmark: Benchmark) -> Verdict | None:
        """The contract judged on the answers of the device itself, with its hop in the ledger; None if it gave none."""
        if benchmark.scores is None:
            return None
        reference, answers = self._reference("test"), self._answers(artifact, "test", self._kernels)
        steps = self._steps(artifact, "test", reference, answers)
        case = stages.verify.Case(
            method=artifact.method,
            photos=self.dataset.test,
            classes=self.dataset.classes,
            reference=reference,
            artifact=benchmark.scores,
            steps=(*steps, (f"{artifact.method}, {benchmark.where}", benchmark.scores)),
        )
        return stages.verify.verify(case, self._order.recipe.contract)

    def _bundled(self, artifact: Artifact, verdict: Verdict, golden: tuple[Photo, ...], folder: Path) -> Bundle:
        questions = Questions(part="test", photos=golden, shape=self.shape)
        job = bundles.BundleJob(
            target=self._order.target,
            trained=self.trained,
            artifact=artifact,
            verdict=verdict,
            dataset=self.dataset,
            recipe=self._order.recipe.tables(),
            golden=bundles.Golden(
                photos=golden,
                pixels=questions.pixels().rows(range(len(golden))),
                outputs=stages.score.raw_outputs(artifact, questions, self._kernels),
            ),
        )
        root = folder / "bundle"
        root.mkdir()
        return stages.bundle.bundle(job, root)

    def _steps(
        self, artifact: Artifact, part: Part, reference: Scores, answers: Scores
    ) -> tuple[tuple[str, Scores], ...]:
        """Keras → float32 TFLite → artifact on reference kernels → artifact on XNNPACK."""
        steps = [("Keras", reference)]
        if artifact.method != "float32":
            steps.append(("float32 TFLite", self._answers(self.artifact("float32"), part, "xnnpack")))
        if self._kernels == "reference":
            return (*steps, (f"{artifact.method}, reference kernels", answers))
        affordable = int(_LEDGER_S * 1000 * machine.cores() / (_REFERENCE_SLOWDOWN * max(answers.invoke_ms, 0.01)))
        plain = self._answers(artifact, part, "reference", at_most=affordable)
        steps.append((f"{artifact.method}, reference kernels", plain))
        steps.append((f"{artifact.method}, XNNPACK" if answers.accelerated else f"{artifact.method}, LiteRT", answers))
        return tuple(steps)

    def _reference(self, part: Part) -> Scores:
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

    def _answers(self, artifact: Artifact, part: Part, kernels: Kernels, at_most: int = 2**31) -> Scores:
        photos = self.dataset.part(part)
        drawn = tuple(photos[row] for row in stages.verify.evenly(len(photos), at_most))
        questions = Questions(part=part, photos=drawn, shape=self.shape)
        depends_on = {
            "model": artifact.sha256,
            "photos": questions.sha256,
            "libraries": _versions("ai-edge-litert"),
        }
        return self._scored(
            f"score-tflite-{artifact.method}-{kernels}-{part}",
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
            with self._console.bar(name.replace("-", " "), len(questions.photos), "photos") as bar:
                return make(folder, bar.advance)

        return self._stage(name, depends_on, work, Scores, title=f"{name.replace('-', ' ')} photos")

    @property
    def _kernels(self) -> Kernels:
        """Those that the target's runtime has: what they answer is what is judged."""
        return "xnnpack" if self._order.target.runtime.accelerated else "reference"

    def _methods(self) -> tuple[str, ...]:
        pinned = self._order.method
        return (
            (self._accepted(pinned),) if pinned and not self._order.all_methods else self._order.target.accepts.methods
        )

    def _accepted(self, method: str) -> str:
        accepts = self._order.target.accepts.methods
        if method not in accepts:
            raise ConfigError(
                f"target {self._order.target.id} does not take {methods.find(method).name}",
                where=(self._order.target.source,),
                hint=f"it takes {', '.join(accepts)}",
            )
        return method

    def _stage(
        self, name: str, depends_on: Mapping[str, object], make: Callable[[Path], R], kind: type[R], *, title: str
    ) -> R:
        def work(folder: Path) -> R:
            if not title:
                return make(folder)
            with self._console.step(title):
                return make(folder)

        return self._run.stage(name, depends_on, work, kind).record


def _embedded() -> Path:
    """The embedded digits as a folder of PNGs, written on first use."""
    folder = cache.cache_root() / "digits"
    if not folder.is_dir():
        stages.embedded.write(folder)
    return folder


def _weights_sha256(recipe: Recipe) -> str:
    path = bases.weights_path(recipe.base.name, recipe.base.alpha, recipe.base.weights)
    return sha256_of(path) if path is not None and path.is_file() else recipe.base.weights


def _versions(*packages: str) -> dict[str, str]:
    return {package: version(package) for package in packages}
