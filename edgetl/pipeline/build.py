"""An order and a run folder → one trained model, and a chosen, judged and bundled file for each target."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from edgetl.core.device import limits
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.formats import FormatName
from edgetl.core.records import Artifact, Bundle, LayerError, Trained, Verdict
from edgetl.core.report import chart
from edgetl.core.storage.files import write_text
from edgetl.pipeline.context import Context
from edgetl.pipeline.order import save_order
from edgetl.pipeline.pipeline import Pipeline, TargetPipeline


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """What a build makes for one target.

    Attributes:
        target: id of the target.
        attempts: the methods that were tried.
        verdict: of the chosen file, on the test photos.
        artifact: the chosen file.
        bundle: the folder for the device.
        picture: chart of all methods.
        unmet: the limit of the target that the file exceeds, in words; "" if there is none.
    """

    target: str
    attempts: tuple[Attempt, ...]
    verdict: Verdict
    artifact: Artifact
    bundle: Bundle
    picture: Path
    unmet: str

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The files that were made, with their verdicts on the validation photos."""
        return tuple(attempt.candidate for attempt in self.attempts if attempt.candidate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """For how many test photos the chosen files of two targets predict the same class."""

    targets: tuple[str, str]
    photos: int
    same: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What a build makes.

    Attributes:
        run: the run folder.
        trained: the model.
        targets: what was made for each target, in the order of the order.
        agreements: of each pair of targets.
        seconds: stage name → seconds that it took in this build; 0 for stages that were finished before.
    """

    run: Path
    trained: Trained
    targets: tuple[Delivered, ...]
    agreements: tuple[Agreement, ...]
    seconds: dict[str, float]


def run_build(context: Context) -> Built:
    """Run all stages of an order; what is finished and still valid is not made again.

    Raises:
        ConfigError, DataError, StageError: see the stages.
    """
    save_order(context.order, context.run.root)
    pipeline = Pipeline(context)
    # A method that a target does not accept is an error here, before hours are spent on the other targets.
    parts = [pipeline.for_target(target) for target in context.order.targets]
    delivered = [_deliver(part, pipeline.model.trained) for part in parts]
    return Built(
        run=context.run.root,
        trained=pipeline.model.trained,
        targets=tuple(delivered),
        agreements=_compare_targets(parts, delivered),
        seconds=context.run.seconds,
    )


def rank_layers(context: Context) -> dict[FormatName, tuple[LayerError, ...]]:
    """Return the quantization error of every layer, largest first, for the format of each target.

    Raises:
        ConfigError, DataError, StageError: see the stages.
    """
    files = Pipeline(context).files
    formats = dict.fromkeys(target.accepts.formats[0] for target in context.order.targets)
    return {format_name: files.calibrate(format_name, more=False).layers for format_name in formats}


def _deliver(part: TargetPipeline, trained: Trained) -> Delivered:
    target, context = part.target, part.context
    chosen = part.selection.choose(context.order.method)
    verdict = part.delivery.judge(chosen)
    bundle = part.delivery.bundle(chosen, verdict)
    attempts = part.selection.attempts
    pairs = [(attempt.candidate.artifact, attempt.candidate.validation) for attempt in attempts if attempt.candidate]
    several = len(context.order.targets) > 1
    path = context.run.root / (f"methods-{target.id}.svg" if several else "methods.svg")
    title = f"{trained.base} on validation photos" + (f", {target.id}" if several else "")
    write_text(path, chart.draw_drops(pairs, title))
    return Delivered(
        target=target.id,
        attempts=attempts,
        verdict=verdict,
        artifact=chosen,
        bundle=bundle,
        picture=path,
        unmet=limits.check_model_bytes(chosen, target.limits),
    )


def _compare_targets(parts: Sequence[TargetPipeline], delivered: Sequence[Delivered]) -> tuple[Agreement, ...]:
    predicted = {
        made.target: metrics.top1(np.load(part.delivery.score(made.artifact, "test").path, allow_pickle=False))
        for part, made in zip(parts, delivered, strict=True)
        if len(delivered) > 1
    }
    return tuple(
        Agreement(
            targets=(left, right),
            photos=len(predicted[left]),
            same=int(np.count_nonzero(predicted[left] == predicted[right])),
        )
        for left, right in combinations(predicted, 2)
    )
