"""One fold of an order: its dataset and run folder → scores of its Keras model and file for its test photos."""

from dataclasses import replace
from functools import cached_property
from pathlib import Path

from edgetl.core.device.targets import Target
from edgetl.core.errors import StageError
from edgetl.core.records import Artifact, Dataset, InputSpec
from edgetl.core.run.run_folder import RunFolder
from edgetl.core.screen.step_plan import StepPlan
from edgetl.pipeline.context import Context, StageClock
from edgetl.pipeline.files import Files
from edgetl.pipeline.model import Model
from edgetl.pipeline.scores import ModelScores
from edgetl.stages.cross_fit import FoldScores


class FoldModel(Model):
    """The model of a fold. Its photos are those of the order, divided in another way."""

    def __init__(self, context: Context, dataset: Dataset, input_spec: InputSpec) -> None:
        super().__init__(context)
        self._fold_dataset = dataset
        self._fold_input_spec = input_spec

    @cached_property
    def dataset(self) -> Dataset:
        """The photos of the fold."""
        return self._fold_dataset

    @cached_property
    def input_spec(self) -> InputSpec:
        """The input of the model."""
        return self._fold_input_spec

    def decode_again(self, input_spec: InputSpec) -> None:
        """Decode nothing: the ordinary build has decoded the photos for a teacher."""

    def _prepare_training(self) -> Path | None:
        # The ordinary build has checked the classes, and the folder need not be scanned again.
        return self.locate_weights()


class Fold:
    """Trains and converts one fold. Its stages are in a folder of their own, and are read back as those of a run.

    Args:
        context: context of the whole order.
        dataset: dataset of the fold.
        input_spec: input of the model.
        number: number of the fold, from 1.
        count: number of all folds.
    """

    def __init__(self, context: Context, dataset: Dataset, input_spec: InputSpec, number: int, count: int) -> None:
        # Other numbers of folds have other photos: their stages stay beside these.
        self._name = f"folds-{count}/{number}"
        root = context.run.root / f"folds-{count}" / str(number)
        root.mkdir(parents=True, exist_ok=True)
        self._outer = context
        self._label = f"fold {number} of {count}: "
        # The lock of the run covers the folder of the fold.
        self._context = replace(
            context,
            run=RunFolder(root),
            console=context.console.labelled(self._label),
            clock=StageClock(),
            plan=StepPlan(),
        )
        self._dataset = dataset
        model = FoldModel(self._context, dataset, input_spec)
        self._files = Files(self._context, model)
        self._scores = ModelScores(self._context, model, self._files)

    def score(self, target: Target, artifact: Artifact) -> FoldScores:
        """Score the test photos of the fold with its Keras model and with its file.

        Args:
            target: decides the kernels.
            artifact: the delivered file, which decides format and method.

        Raises:
            StageError: training or conversion failed; the message names the fold.
        """
        try:
            file = self._files.make(artifact.format, artifact.method)
            scores = FoldScores(
                photos=self._dataset.test,
                reference=self._scores.score_reference("test"),
                artifact=self._scores.score(file, "test", target.choose_kernels(artifact.format)),
            )
        except StageError as error:
            error.message = f"{self._label}{error.message}"
            raise
        seconds = {f"{self._name}/{stage}": value for stage, value in self._context.run.seconds.items()}
        self._outer.run.seconds.update(seconds)
        return scores
