"""An order and a run folder → what a build leaves: one model trained, and the whole chain for each target."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from edgetl.core.console import Console
from edgetl.core.evaluation import metrics
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.formats import FormatName
from edgetl.core.records import Artifact, Bundle, LayerError, Trained, Verdict
from edgetl.core.report import chart as picture
from edgetl.core.runs import RunFolder, write_text
from edgetl.pipeline.delivery import Delivery
from edgetl.pipeline.order import Order
from edgetl.pipeline.scores import Chain


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivered:
    """What a build leaves for one target."""

    target: str
    rungs: tuple[Attempt, ...]
    verdict: Verdict
    artifact: Artifact
    bundle: Bundle
    picture: Path

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The files that were made, with their verdicts on validation."""
        return tuple(rung.candidate for rung in self.rungs if rung.candidate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """On how many test photos the chosen files of two targets name the same class."""

    targets: tuple[str, str]
    photos: int
    same: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What a build leaves. A build for one target has its `verdict`, `artifact` and so on at hand."""

    run: Path
    trained: Trained
    targets: tuple[Delivered, ...]
    agreements: tuple[Agreement, ...]
    seconds: dict[str, float]

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Those of the only target."""
        return self._only.candidates

    @property
    def verdict(self) -> Verdict:
        """That of the only target."""
        return self._only.verdict

    @property
    def artifact(self) -> Artifact:
        """That of the only target."""
        return self._only.artifact

    @property
    def bundle(self) -> Bundle:
        """That of the only target."""
        return self._only.bundle

    @property
    def _only(self) -> Delivered:
        if len(self.targets) != 1:
            raise ValueError(f"{len(self.targets)} targets were built: ask one of Built.targets")
        return self.targets[0]


def build(order: Order, run: RunFolder, console: Console) -> Built:
    """The whole chain in a run folder; what is already there and still true is not made again.

    Raises:
        ConfigError, DataError, StageError: see the stages.
    """
    order.save(run.root)
    chain = Chain(order, run, console)
    deliveries = [Delivery(chain, target) for target in order.targets]
    for delivery in deliveries:
        _ = delivery.wishes  # What a target does not take is said before hours are spent on the others.
    delivered = [_delivered(delivery) for delivery in deliveries]
    return Built(
        run=run.root,
        trained=chain.trained,
        targets=tuple(delivered),
        agreements=_agreements(deliveries, delivered),
        seconds=run.seconds,
    )


def layers(order: Order, run: RunFolder, console: Console) -> dict[FormatName, tuple[LayerError, ...]]:
    """What int8 does to every layer, the worst first, in the format of each target: kept, or measured now.

    Raises:
        ConfigError, DataError, StageError: see the stages.
    """
    chain = Chain(order, run, console)
    forms = dict.fromkeys(target.accepts.formats[0] for target in order.targets)
    return {form: chain.ranges(form, more=False).layers for form in forms}


def _delivered(delivery: Delivery) -> Delivered:
    chain, target = delivery.chain, delivery.target.id
    chosen = delivery.chosen(chain.order.method)
    verdict = delivery.verdict(chosen, "test", ledger=True)
    bundle = delivery.bundle(chosen, verdict)
    pairs = [(candidate.artifact, candidate.validation) for candidate in delivery.candidates]
    several = len(chain.order.targets) > 1
    path = chain.run.root / (f"methods-{target}.svg" if several else "methods.svg")
    title = f"{chain.trained.base} on validation photos" + (f", {target}" if several else "")
    write_text(path, picture.draw_drops(pairs, title))
    return Delivered(
        target=target,
        rungs=delivery.rungs,
        verdict=verdict,
        artifact=chosen,
        bundle=bundle,
        picture=path,
    )


def _agreements(deliveries: Sequence[Delivery], delivered: Sequence[Delivered]) -> tuple[Agreement, ...]:
    named = {
        one.target: metrics.top1(np.load(delivery.answers(one.artifact, "test").path, allow_pickle=False))
        for delivery, one in zip(deliveries, delivered, strict=True)
        if len(delivered) > 1
    }
    return tuple(
        Agreement(
            targets=(left, right),
            photos=len(named[left]),
            same=int(np.count_nonzero(named[left] == named[right])),
        )
        for left, right in combinations(named, 2)
    )
