"""The chosen file of one target → its verdict on the test photos → the bundle."""

from edgetl.core.device import bundle_files
from edgetl.core.device.targets import Target
from edgetl.core.records import Artifact, Bundle, Part, Scores
from edgetl.core.requests import BundleRequest
from edgetl.core.run.run_folder import StageSpec
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

    def judge(self, artifact: Artifact, *, again: bool = False) -> Verdict:
        """Return the verdict on the test photos, on the target's kernels, with the ledger.

        Args:
            artifact: the file.
            again: whether scores and verdict are made again if they are finished.
        """
        scores = self._scores.again() if again else self._scores
        return scores.judge(artifact, "test", self._target.choose_kernels(artifact.format), ledger=True)

    def score(self, artifact: Artifact, part: Part) -> Scores:
        """Return the scores of a file for one part, on the target's kernels."""
        return self._scores.score(artifact, part, self._target.choose_kernels(artifact.format))

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
            golden_photos=bundle_files.select_golden_photos(self._model.dataset),
        )
        title = f"bundle for {self._target.id}"
        spec = StageSpec(name=name_bundle_stage(self._target), record=Bundle, title=title)
        return self._context.run_stage(spec, stages.bundle.bundle_artifact, request)


def name_bundle_stage(target: Target) -> str:
    """Return the name of the stage that makes the bundle for a target."""
    return f"bundle-{target.id}"
