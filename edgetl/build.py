"""An order and a run folder → what a build leaves: the whole chain for one target."""

from dataclasses import dataclass
from pathlib import Path

from edgetl.chain import Candidate, Chain
from edgetl.core import picture
from edgetl.core.console import Console
from edgetl.core.records import Artifact, Bundle, Trained, Verdict
from edgetl.core.runs import Run, write_text
from edgetl.order import Order


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What a build leaves."""

    run: Path
    trained: Trained
    candidates: tuple[Candidate, ...]
    verdict: Verdict
    artifact: Artifact
    bundle: Bundle
    seconds: dict[str, float]


def build(order: Order, run: Run, console: Console) -> Built:
    """The whole chain in a run folder; what is already there and still true is not made again.

    Raises:
        ConfigError, DataError, StageError: see the stages.
    """
    order.save(run.root)
    chain = Chain(order, run, console)
    chosen = chain.chosen(order.method)
    verdict = chain.verdict(chosen, "test", ledger=True)
    bundle = chain.bundle(chosen, verdict)
    pairs = [(candidate.artifact, candidate.validation) for candidate in chain.candidates]
    write_text(run.root / "methods.svg", picture.drops(pairs, f"{chain.trained.base} on validation photos"))
    return Built(
        run=run.root,
        trained=chain.trained,
        candidates=chain.candidates,
        verdict=verdict,
        artifact=chosen,
        bundle=bundle,
        seconds=run.seconds,
    )
