"""The chosen file of one target → its verdict on the test photos → the bundle."""

from edgetl.core.device import bundle_files
from edgetl.core.device.targets import Target
from edgetl.core.errors import MissingPackage, StageError
from edgetl.core.evaluation.quality.model_quality import ModelQuality
from edgetl.core.evaluation.undecided import PhotoSource, advise_on_undecided
from edgetl.core.evaluation.verdict import assess_verdict
from edgetl.core.formats import FORMATS, FormatName, KernelSet
from edgetl.core.generators.generators import prepare_generators
from edgetl.core.methods import find_method
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.photos.parts import held_out
from edgetl.core.records import Artifact, Bundle, Dataset, Part, Scores
from edgetl.core.rejection.feature_files import find_feature_files
from edgetl.core.rejection.records import AnswerRule
from edgetl.core.report.gain import Gain, Latencies
from edgetl.core.requests import AnswerRequest, BundleRequest
from edgetl.core.run.latencies import read_latencies
from edgetl.core.run.run_folder import StageSpec, read_finished_stage
from edgetl.core.storage.arrays import read_array
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.model import Model
from edgetl.pipeline.scores import ModelScores


class Delivery:
    """Judges and bundles files for one target."""

    def __init__(self, context: Context, model: Model, scores: ModelScores, target: Target) -> None:
        self._context = context
        self._model = model
        self._scores = scores
        self._target = target
        # Before the training, and not after it. A command that only reads a finished build needs no judge.
        if context.can_make("train"):
            prepare_generators(target.generate)
            for format_name in target.accepts.formats:
                self._choose_judge(format_name)

    def judge(self, artifact: Artifact, *, again: bool = False) -> Verdict:
        """Return the verdict on the test photos, in the target's judge or on its kernels, with the ledger.

        Args:
            artifact: the file.
            again: whether scores and verdict are made again if they are finished.

        Raises:
            MissingPackage: the judge is missing here, and the target has no verdict without it.
        """
        scores = self._scores.again() if again else self._scores
        verdict = scores.judge(artifact, "test", self._choose_judge(artifact.format), ledger=True)
        judge = self._target.find_judge(artifact.format)
        absence = judge.explain_absence() if judge else ""
        if judge is None or not absence:
            return verdict
        sentence = f"not judged in {judge.title}: {absence}; install it with: {judge.install}"
        return verdict.model_copy(update={"not_judged": sentence})

    def assess(self, artifact: Artifact, verdict: Verdict) -> ModelQuality:
        """Return how good a file is, by its verdict on the test photos and the one on the validation photos."""
        validation = self._scores.judge(artifact, "validation", self._target.choose_kernels(artifact.format))
        return assess_verdict(verdict, validation)

    def advise(self, verdict: Verdict) -> tuple[str, ...]:
        """Say what would decide an UNDECIDED verdict on the test photos; nothing for a decided one."""
        return tuple(advise_on_undecided(verdict, self._find_photo_source()))

    def score(self, artifact: Artifact, part: Part) -> Scores:
        """Return the scores of a file for one part: those of the verdict for the test photos."""
        kernels = self._target.choose_kernels(artifact.format)
        return self._scores.score(artifact, part, self._choose_judge(artifact.format) if part == "test" else kernels)

    def score_on_host(self, artifact: Artifact) -> Scores:
        """Return the scores of a file for the test photos, on the kernels of this machine."""
        return self._scores.score(artifact, "test", self._target.choose_kernels(artifact.format))

    def _choose_judge(self, format_name: FormatName) -> KernelSet:
        """Return what the verdict is on: the target's judge, and the kernels of this machine where it is missing.

        Raises:
            MissingPackage: the judge is missing here, and the target has no verdict without it.
        """
        judge = self._target.find_judge(format_name)
        absence = judge.explain_absence() if judge else ""
        if judge is None or (absence and not judge.required):
            return self._target.choose_kernels(format_name)
        if absence:
            raise MissingPackage(
                f"target {self._target.id} is judged in {judge.title}: {absence}", hint=f"install it: {judge.install}"
            )
        return judge.name

    def compare_float32(self, artifact: Artifact) -> Gain | None:
        """Return what a file gains over the float32 file, here and on the devices that have measured both.

        None if no float32 file can be made: see `ModelScores.score_steps` for the reason.

        Both were scored for the ledger. A target without fast kernels has no figure for this machine: its file runs on
        reference kernels, and the float32 file of the ledger does not.
        """
        try:
            float32 = self._scores.make_float32(artifact.format)
        except StageError:
            return None
        latencies = []
        if self._target.runtime.accelerated:
            kernels = self._target.choose_kernels(artifact.format)
            scores = [self._scores.score(file, "test", kernels) for file in (artifact, float32)]
            latencies.append(
                Latencies(
                    where="on one thread of this machine",
                    ms=scores[0].invoke_ms,
                    float32_ms=scores[1].invoke_ms,
                    disturbed=any(score.disturbed for score in scores),
                )
            )
        latencies += [
            Latencies(where=f"on {device}", ms=measured[artifact.sha256], float32_ms=measured[float32.sha256])
            for device, measured in read_latencies(self._context.run.root, self._target.id).items()
            if {artifact.sha256, float32.sha256} <= measured.keys()
        ]
        return Gain(
            method=artifact.method,
            model_bytes=artifact.bytes,
            float32_bytes=float32.bytes,
            latencies=tuple(latencies),
        )

    def set_answers(self, artifact: Artifact) -> tuple[AnswerRule, ...]:
        """Return the thresholds of a file, on the target's kernels; none for a file without features."""
        if not artifact.features:
            return ()
        recipe, kernels = self._context.order.recipe, self._target.choose_kernels(artifact.format)
        float32 = self._find_float32(artifact)
        fast = FORMATS[artifact.format].fast_kernels
        scores = [self._scores.score(artifact, part, kernels) for part in ("validation", "test")]
        # The verdict and its ledger have the same scores, so that these are read back.
        scores += [self._scores.score(file, "test", fast) for file in float32]
        request = AnswerRequest(
            artifact=artifact,
            trained=self._model.trained,
            dataset=self._model.dataset,
            kernels=kernels,
            recipe=recipe.answers,
            seed=recipe.training.seed,
            foreign=self._model.foreign,
            float32=float32,
            predicted=tuple(files for row in scores for files in find_feature_files(row)),
        )
        title = f"thresholds of {artifact.method} for photos of other things"
        spec = StageSpec(name=self._answers_stage, record=AnswerRule, title=title)
        return (self._context.run_stage(spec, stages.answers.set_answers, request),)

    def measure_memory(self, artifact: Artifact) -> tuple[MemoryUse, ...]:
        """Return what a file needs on the target, if that is a microcontroller."""
        memory = self._scores.measure_memory(artifact, self._target)
        judge = self._target.find_judge(artifact.format)
        # Of other methods, a channel has too many different weights for tables.
        if not memory or judge is None or find_method(artifact.method).retraining != "cluster":
            return memory
        compressed = self._scores.compress_weights(artifact, judge.name)
        # Small layers can be smaller without tables.
        files = (compressed,) if compressed.tensors else ()
        return tuple(use.model_copy(update={"compressed": files}) for use in memory)

    def read_answers(self, artifact: Artifact) -> tuple[AnswerRule, ...]:
        """Return the thresholds of a file as the build has set them; none where it has set none for this file."""
        finished = read_finished_stage(self._context.run.root / self._answers_stage, AnswerRule)
        return (finished.record,) if finished and finished.record.artifact_sha256 == artifact.sha256 else ()

    @property
    def _answers_stage(self) -> str:
        return name_answers_stage(self._target)

    def _find_float32(self, artifact: Artifact) -> tuple[Artifact, ...]:
        """Return the float32 file, whose answers are those of Keras; none where there is none, or it is this file."""
        if artifact.method == "float32":
            return ()
        try:
            float32 = self._scores.make_float32(artifact.format)
        except StageError as error:
            self._context.console.say(f"  the answers are not compared with those of float32: {error.message}")
            return ()
        return (float32,) if float32.features else ()

    def bundle(self, artifact: Artifact, verdict: Verdict) -> Bundle:
        """Return the folder for the device.

        Args:
            artifact: the file.
            verdict: its verdict on the test photos, which the bundle contains.

        Raises:
            ConfigError, DataError, StageError: see the stage `bundle`.
        """
        request = BundleRequest(
            target=self._target,
            trained=self._model.trained,
            artifact=artifact,
            verdict=verdict,
            dataset=self._model.dataset,
            recipe=self._context.order.recipe,
            golden_photos=bundle_files.select_golden_photos(self._list_golden_candidates(artifact)),
            answers=self.set_answers(artifact),
            memory=self.measure_memory(artifact),
        )
        title = f"bundle for {self._target.id}"
        spec = StageSpec(name=name_bundle_stage(self._target), record=Bundle, title=title)
        return self._context.run_stage(spec, stages.bundle.bundle_artifact, request)

    def _list_golden_candidates(self, artifact: Artifact) -> Dataset:
        """Return the dataset with the test photos that a device can be compared by.

        The golden outputs are those of the host. A judge may round one photo of hundreds differently,
        and so would the device.
        """
        dataset = self._model.dataset
        judge = self._target.find_judge(artifact.format)
        if judge is None or not judge.follows_reference:
            return dataset
        host, judged = (
            read_array(scores.path) for scores in (self.score_on_host(artifact), self.score(artifact, "test"))
        )
        equal = (host == judged).all(axis=1)
        photos = tuple(photo for photo, same in zip(dataset.test, equal, strict=True) if same)
        return dataset.model_copy(update={"test": photos}) if photos else dataset

    def _find_photo_source(self) -> PhotoSource:
        order = self._context.order
        folder, fraction, takes_option = order.photos, order.recipe.photos.test, order.photos is not None
        # Photos cannot be added to the embedded digits. Every photo in a folder of test photos is one.
        test = order.test or (held_out.find_test_folder(self._model.dataset) if order.photos else None)
        if test is not None:
            folder, fraction, takes_option = test, 1.0, False
        return PhotoSource(
            folder=order.name_photos(folder) if folder else None,
            fraction=fraction,
            takes_test_option=takes_option,
            trains=not order.recipe.external.path and not order.recipe.photos.multi_label,
        )


def name_bundle_stage(target: Target) -> str:
    """Return the name of the stage that makes the bundle for a target."""
    return f"bundle-{target.id}"


def name_answers_stage(target: Target) -> str:
    """Return the name of the stage that sets the thresholds of a target's file."""
    return f"answers-{target.id}"
