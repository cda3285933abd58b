"""Artifacts → Scores → Verdicts of one order, made on first use."""

from edgetl.core.device.judges import JUDGES
from edgetl.core.device.targets import Target
from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics
from edgetl.core.formats import FORMATS, FormatName, JudgeName, KernelSet
from edgetl.core.microcontroller.lookup_tables import CompressedFile
from edgetl.core.microcontroller.memory import MemoryUse
from edgetl.core.microcontroller.npu import NpuFile, NpuName, require_vela
from edgetl.core.photos.photo_set import PhotoSet
from edgetl.core.records import Artifact, Part, Photo, Scores
from edgetl.core.rejection.feature_files import ScoresWithFeatures
from edgetl.core.run.run_folder import StageSpec
from edgetl.core.verdict_records import Verdict
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.files import Files
from edgetl.pipeline.model import Model
from edgetl.stages.verify import Case, verify_artifact

# Seconds that the ledger may spend on reference kernels, which are 20 to 50 times slower (see `core.formats`).
_LEDGER_S = 90.0
# Where the classes of all of them are the same on both kernel sets, those of at most 1.5 % of all photos differ.
# Source: the rule of three, 3 / 200, at 95 % confidence.
_LEDGER_PHOTOS = 200
_ALL_PHOTOS = 2**31


class ModelScores:
    """The scores and verdicts of one order.

    With `reuse=False`, finished stages are made again, each of them once.
    """

    def __init__(self, context: Context, model: Model, files: Files, *, reuse: bool = True) -> None:
        self._context = context
        self._model = model
        self._files = files
        self._reuse = reuse
        # A verdict and its ledger use the same scores. Without this, `reuse=False` would make them twice.
        self._scores: dict[tuple[str, str], Scores] = {}

    def again(self) -> "ModelScores":
        """Return scores of the same files that are all made again."""
        return ModelScores(self._context, self._model, self._files, reuse=False)

    def judge(self, artifact: Artifact, part: Part, kernels: KernelSet, *, ledger: bool = False) -> Verdict:
        """Return the verdict on an artifact.

        Args:
            artifact: the file.
            part: the part of the photos that it predicts.
            kernels: the kernels that it runs on, or a judge.
            ledger: whether the verdict contains the accuracy after each conversion step, up to those kernels.

        Raises:
            StageError: the scores cannot be judged.
        """
        case = Case(
            method=artifact.method,
            photos=self._model.dataset.part(part),
            classes=self._model.dataset.classes,
            thresholds=self._model.trained.threshold_values,
            temperature=self._model.trained.temperature,
            reference=self.score_reference(part),
            artifact=self.score(artifact, part, kernels),
            steps=self.score_steps(artifact, part, kernels) if ledger else (),
        )
        # Two targets of one order may use the same file and run it on different kernels.
        suffix = "" if kernels == FORMATS[artifact.format].fast_kernels else f"{kernels}-"
        name = f"verify-{artifact.format}-{artifact.method}-{suffix}{part}"
        spec = StageSpec(name=name, record=Verdict, reuse=self._reuse)
        return self._context.run_stage(spec, verify_artifact, case, self._context.order.recipe.contract)

    def score_steps(
        self, artifact: Artifact, part: Part, kernels: KernelSet, on_device: tuple[tuple[str, Scores], ...] = ()
    ) -> tuple[tuple[str, Scores], ...]:
        """Return name and scores of each step: Keras, float32 file, artifact on fast kernels, on reference kernels.

        Args:
            artifact: the file.
            part: the part of the photos.
            kernels: the kernels that the file runs on, or a judge.
            on_device: name and scores of the file on a device, for a step after those kernels; empty for none.

        On reference kernels the artifact predicts 200 photos, evenly drawn, and no more than they can in `_LEDGER_S`;
        with `full_ledger` in the recipe, all of them. A step that fails is left out: the reference kernels lack an
        operator, or no float32 file can be made.
        """
        row, method = FORMATS[artifact.format], artifact.method
        if kernels in JUDGES:
            judge = JUDGES[kernels]
            host_kernels = "reference" if judge.follows_reference else row.fast_kernels
            # The step of the judge is that of a device: after the kernels of this machine that compute the same.
            judged = (f"{method}, {judge.title}", self.score(artifact, part, kernels))
            return self.score_steps(artifact, part, host_kernels, (judged, *on_device))
        scores = self.score(artifact, part, kernels)
        steps = [("Keras", self.score_reference(part))]
        # Separates the error of the conversion from the error of the quantization.
        if method != "float32":
            try:
                float32 = self.make_float32(artifact.format)
                steps.append((f"float32 {row.title}", self.score(float32, part, row.fast_kernels)))
            except StageError as error:
                self._context.console.say(f"  the ledger leaves out float32: {error.message}")
        if kernels == "reference":
            return (*steps, (f"{method}, {row.reference_title}", scores), *on_device)
        # Where the runtime fell back to other kernels, the hop must not name the fast ones.
        steps += ((f"{method}, {row.fast_title if scores.accelerated else row.runtime}", scores), *on_device)
        affordable = row.count_affordable_photos(_LEDGER_S, scores.invoke_ms, accelerated=scores.accelerated)
        full = self._context.order.recipe.contract.full_ledger
        count = _ALL_PHOTOS if full else min(_LEDGER_PHOTOS, affordable)
        try:
            steps.append((f"{method}, {row.reference_title}", self.score(artifact, part, "reference", at_most=count)))
        except StageError as error:
            self._context.console.say(f"  the ledger leaves out the {row.reference_title}: {error.message}")
        return tuple(steps)

    def measure_memory(self, artifact: Artifact, target: Target) -> tuple[MemoryUse, ...]:
        """Return what an artifact needs on a device with little memory; nothing for other targets.

        Raises:
            StageError: the runtime of the device lacks an operator of the file.
        """
        judge = target.find_judge(artifact.format)
        if judge is None or judge.name not in stages.MEMORY_STAGES:
            return ()
        name = f"memory-{judge.name}-{artifact.format}-{artifact.method}"
        spec = StageSpec(name=name, record=MemoryUse, title=f"memory of {artifact.method} in {judge.title}")
        memory = self._context.run_stage(spec, stages.MEMORY_STAGES[judge.name], artifact)
        if target.runtime.npu:
            memory = memory.model_copy(update={"npu": (self._compile_for_npu(artifact, target.runtime.npu),)})
        return (memory,)

    def compress_weights(self, artifact: Artifact, kernels: JudgeName) -> CompressedFile:
        """Return an artifact with look-up tables, judged on the test photos.

        Raises:
            StageError: the compressed file does not run, or gives other scores.
        """
        photos = self._make_set("test", self._model.dataset.part("test"))
        name = f"compress-{kernels}-{artifact.format}-{artifact.method}"
        spec = StageSpec(name=name, record=CompressedFile, title=f"compress {artifact.method} by look-up tables")
        plain = self.score(artifact, "test", kernels)
        return self._context.run_stage(spec, stages.compression.compress_artifact, artifact, photos, plain)

    def _compile_for_npu(self, artifact: Artifact, npu: NpuName) -> NpuFile:
        if self._context.can_make("npu"):
            require_vela()
        name = f"npu-{npu}-{artifact.format}-{artifact.method}"
        spec = StageSpec(name=name, record=NpuFile, title=f"compile {artifact.method} for {npu}")
        return self._context.run_stage(spec, stages.npu.compile_for_npu, artifact, npu)

    def make_float32(self, format_name: FormatName) -> Artifact:
        """Return the model in float32, which the ledger and the gain of a file are compared with."""
        return self._files.make(format_name, "float32")

    def score_reference(self, part: Part) -> Scores:
        """Return the scores of the Keras model for one part."""
        name, trained = f"score-keras-{part}", self._model.trained
        key = (name, trained.sha256)
        if key not in self._scores:
            photos = self._make_set(part, self._model.dataset.part(part))
            self._scores[key] = self._context.run_stage(
                self._make_spec(name, f"score Keras, {part} photos"), stages.score.score_reference, trained, photos
            )
        return self._scores[key]

    def score(self, artifact: Artifact, part: Part, kernels: KernelSet, at_most: int = _ALL_PHOTOS) -> Scores:
        """Return the scores of an artifact for one part, or for at most so many of its photos, evenly drawn."""
        photos = self._model.dataset.part(part)
        drawn = tuple(photos[row] for row in metrics.sample_evenly(len(photos), at_most))
        # Targets without fast kernels score all photos on the reference kernels. The ledger's few are a stage of their
        # own, so that neither replaces the other.
        suffix = "-few" if len(drawn) < len(photos) else ""
        name = f"score-{artifact.format}-{artifact.method}-{kernels}-{part}{suffix}"
        row = FORMATS[artifact.format]
        titles = {"reference": row.reference_title, row.fast_kernels: row.fast_title}
        kernels_title = JUDGES[kernels].title if kernels in JUDGES else titles[kernels]
        title = f"score {artifact.method} {row.title} on {kernels_title}, {part} photos"
        key = (name, artifact.sha256)
        if key not in self._scores:
            photo_set = self._make_set(part, drawn)
            if kernels in JUDGES:
                spec, stage = self._make_spec(name, title), stages.JUDGE_STAGES[kernels]
                # Only judges with such programs have the argument.
                programs = filter(None, [JUDGES[kernels].hash_programs()])
                self._scores[key] = self._context.run_stage(spec, stage, artifact, photo_set, *programs)
            else:
                self._scores[key] = self._context.run_stage(
                    StageSpec(name=name, record=ScoresWithFeatures, title=title, reuse=self._reuse),
                    stages.score.score_artifact,
                    artifact,
                    photo_set,
                    kernels,
                )
        return self._scores[key]

    def _make_set(self, part: Part, photos: tuple[Photo, ...]) -> PhotoSet:
        return PhotoSet(part=part, photos=photos, input_spec=self._model.input_spec)

    def _make_spec(self, name: str, title: str) -> StageSpec[Scores]:
        return StageSpec(name=name, record=Scores, title=title, reuse=self._reuse)
