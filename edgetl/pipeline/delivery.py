"""One target's part of an order: Artifacts → the chosen one → Verdict → Bundle → Benchmarks.

Methods are tried in the target's order of preference and scored on the validation part; the first within the limit is
chosen, and only that one is judged on the test part, once: choosing on the test photos would spoil them.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from edgetl import stages
from edgetl.core import methods
from edgetl.core.device import bundle_files, limits
from edgetl.core.device.benchmark import BenchmarkRequest
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError, EdgetlError, StageError
from edgetl.core.evaluation import ladder
from edgetl.core.evaluation.ladder import Attempt, Candidate
from edgetl.core.formats import FORMATS, FormatName, KernelSet
from edgetl.core.photos.evaluation_set import EvaluationSet
from edgetl.core.records import Artifact, Benchmark, Bundle, Part, Photo, Scores, Verdict
from edgetl.core.runs import hash_file, make_folder_name
from edgetl.pipeline.scores import Chain

if TYPE_CHECKING:
    from edgetl.stages.deploy import Device


_ANOTHER = "choose another --method, or none"


class Delivery:
    """What one target gets out of a chain, each thing made when something asks for it."""

    def __init__(self, chain: Chain, target: Target) -> None:
        self.chain = chain
        self.target = target

    @cached_property
    def wishes(self) -> tuple[tuple[FormatName, str], ...]:
        """Format and method of every file to be tried, the preferred first.

        Raises:
            ConfigError: the order pins a method that the target does not take.
        """
        order, accepts = self.chain.order, self.target.accepts
        pinned = order.method and self._wish(order.method, accepted=True)
        if pinned and not order.all_methods:
            return tuple((pinned[0], name) for name in ladder.list_variants(pinned[1]))
        # Fewer weights are a wish of their own: they are made when asked for by name. A given model is never trained.
        retrained = {""} if order.recipe.external.path else {"", "qat"}
        return tuple(
            (form, step)
            for name in accepts.methods
            if methods.find_method(name).retraining in retrained
            for form in accepts.formats
            if form in methods.find_method(name).formats
            for step in ladder.list_variants(name)
        )

    def artifact(self, method: str) -> Artifact:
        """The trained model converted by that method, whether or not the target prefers or even lists it.

        Raises:
            ConfigError: the method makes no file of a format that the target takes.
        """
        return self._made(*self._wish(method, accepted=False))

    @cached_property
    def rungs(self) -> tuple[Attempt, ...]:
        """The ladder as it was climbed: up to the first file within the limit, or every method."""
        return self._climbed(self.wishes)

    def _climbed(self, wishes: Iterable[tuple[FormatName, str]]) -> tuple[Attempt, ...]:
        climbed: list[Attempt] = []
        for form, name in wishes:
            if _reached(climbed, name, everything=self.chain.order.all_methods):
                continue
            before = set(self.chain.run.took)
            futile = self.chain.futile(form, methods.find_method(name))
            candidate = None
            try:
                candidate = None if futile else self._candidate(form, name)
            except StageError as error:
                # A training that comes to nothing is a step that did not do: the ladder says so and goes on.
                if not methods.find_method(name).retraining or name == self.chain.order.method:
                    raise
                futile = f"failed: {error.message}"
            spent = sum(seconds for stage, seconds in self.chain.run.took.items() if stage not in before)
            said = ladder.explain_result(candidate) if candidate else futile
            climbed.append(Attempt(method=name, seconds=round(spent, 1), told=said, candidate=candidate))
        if not any(rung.candidate for rung in climbed):
            why = "; ".join(f"{rung.method}: {rung.told}" for rung in climbed)
            raise ConfigError(f"no file was made for {self.target.id}: {why}", hint=_ANOTHER)
        return tuple(climbed)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The files of the ladder with their verdicts on validation."""
        return tuple(rung.candidate for rung in self.rungs if rung.candidate)

    def chosen(self, method: str = "") -> Artifact:
        """The file of that method, by default of the order's; without either the first within the limit, else the
        nearest to it."""
        method = method or self.chain.order.method
        return self._made(*self._wish(method, accepted=True)) if method else _best(self.rungs)

    def _made(self, form: FormatName, name: str) -> Artifact:
        """The file of one method; of a flight, the first step within the limit, else the nearest to it."""
        if name not in ladder.list_variants(name):
            return _best(self._climbed((form, step) for step in ladder.list_variants(name)))
        futile = self.chain.futile(form, methods.find_method(name))
        if futile:
            raise ConfigError(f"no file was made for {self.target.id}: {name}: {futile}", hint=_ANOTHER)
        return self.chain.artifact(form, name)

    def _candidate(self, form: FormatName, name: str) -> Candidate:
        artifact = self.chain.artifact(form, name)
        strict = self.chain.order.recipe.contract.strict
        unmet = limits.check_model_bytes(artifact, self.target.limits)
        return Candidate(artifact=artifact, validation=self.verdict(artifact, "validation"), strict=strict, unmet=unmet)

    def verdict(self, artifact: Artifact, part: Part, *, ledger: bool = False) -> Verdict:
        """The artifact on the target's kernels judged against the Keras reference on one part of the photos."""
        return self.chain.verdict(artifact, part, self._kernels(artifact), ledger=ledger)

    def answers(self, artifact: Artifact, part: Part) -> Scores:
        """What the artifact answers on the target's kernels."""
        return self.chain.answers(artifact, part, self._kernels(artifact))

    def bundle(self, artifact: Artifact, verdict: Verdict) -> Bundle:
        """The folder for the device."""
        target = self.target
        golden = bundle_files.select_golden_photos(self.chain.dataset)
        depends_on = {
            "artifact": artifact.sha256,
            "trained": self.chain.trained.sha256,
            "verdict": verdict.model_dump(mode="json"),
            "target": target.model_dump(mode="json", exclude={"source", "payload"}),
            "payload": {file.name: hash_file(file.path) for file in target.payload},
            "recipe": self.chain.order.recipe.tables(),
            "golden": [photo.model_dump() for photo in golden],
            "classes": self.chain.dataset.classes,
        }
        return self.chain.stage(
            f"bundle-{target.id}",
            depends_on,
            lambda folder: self._bundled(artifact, verdict, golden, folder),
            Bundle,
            title=f"bundle for {target.id}",
        )

    def wanted(self, artifact: Artifact, *, soak_s: float, accuracy: bool) -> BenchmarkRequest:
        """What is to be measured; with `accuracy`, on the test photos too."""
        data = self.chain.dataset
        return BenchmarkRequest(
            model_sha256=artifact.sha256,
            soak_s=soak_s,
            classes=data.classes,
            root=data.root,
            photos=data.test if accuracy else (),
        )

    def benched(self, bundle: Bundle, wanted: BenchmarkRequest) -> Benchmark:
        """The bundle measured on this machine, every time anew."""
        self.chain.run.make_again("bench")
        return self.chain.stage(
            self._bench_name("host"),
            {"bundle": bundle.files},
            lambda folder: stages.bench.bench(bundle, wanted, folder, said=self.chain.console.say),
            Benchmark,
            title="measure here: the host, not the device",
        )

    def fleet(self, devices: Sequence[str], bundle: Bundle, wanted: BenchmarkRequest) -> list[Benchmark | EdgetlError]:
        """The bundle measured on every device at once, in their order; one that fails fails alone.

        Raises:
            ConfigError: a name that is none for ssh, or two that cannot be told apart.
        """
        run, console = self.chain.run, self.chain.console
        run.make_again("bench")
        stop = threading.Event()
        fleet = [stages.deploy.Device(name=name, alone=len(devices) == 1, stop=stop) for name in devices]
        if len({self._bench_name(name) for name in devices}) < len(devices):
            raise ConfigError("two devices of the same name", where=devices)

        def measured(device: "Device") -> Benchmark | EdgetlError:
            try:
                return run.stage(
                    self._bench_name(device.name),
                    {"bundle": bundle.files},
                    lambda folder: stages.deploy.deploy(
                        device, bundle, wanted, folder, said=lambda text: console.say(f"• {device.name}: {text}")
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
        chain = self.chain
        steps = chain.steps(artifact, "test", self._kernels(artifact))
        case = stages.verify.Case(
            method=artifact.method,
            photos=chain.dataset.test,
            classes=chain.dataset.classes,
            reference=chain.reference("test"),
            artifact=benchmark.scores,
            steps=(*steps, (f"{artifact.method}, {benchmark.where}", benchmark.scores)),
        )
        return stages.verify.verify(case, chain.order.recipe.contract)

    def _bundled(self, artifact: Artifact, verdict: Verdict, golden: tuple[Photo, ...], folder: Path) -> Bundle:
        chain = self.chain
        questions = EvaluationSet(part="test", photos=golden, shape=chain.shape)
        job = bundle_files.BundleContents(
            target=self.target,
            trained=chain.trained,
            artifact=artifact,
            verdict=verdict,
            dataset=chain.dataset,
            recipe=chain.order.recipe.tables(),
            golden=bundle_files.GoldenSet(
                photos=golden,
                pixels=questions.pixels().rows(range(len(golden))),
                outputs=stages.score.raw_outputs(artifact, questions, self._kernels(artifact)),
            ),
        )
        root = folder / "bundle"
        root.mkdir()
        return stages.bundle.bundle(job, root)

    def _kernels(self, artifact: Artifact) -> KernelSet:
        """Those that the target's runtime has: what they answer is what is judged."""
        return FORMATS[artifact.format].fast_kernels if self.target.runtime.accelerated else "reference"

    def _bench_name(self, where: str) -> str:
        several = len(self.chain.order.targets) > 1
        return make_folder_name("bench", self.target.id, where) if several else make_folder_name("bench", where)

    def _wish(self, method: str, *, accepted: bool) -> tuple[FormatName, str]:
        """The method with the first of the target's formats that it makes."""
        known, accepts = methods.find_method(method), self.target.accepts
        if accepted and methods.find_family(method) not in accepts.methods:
            raise ConfigError(
                f"target {self.target.id} does not take {known.name}",
                where=(self.target.source,),
                hint=f"it takes {', '.join(accepts.methods)}",
            )
        for form in accepts.formats:
            if form in known.formats:
                return form, method
        raise ConfigError(
            f"{known.name} makes {' and '.join(known.formats)} files, and target {self.target.id} takes "
            f"{', '.join(accepts.formats)}",
            where=(self.target.source,),
            hint=f"it takes {', '.join(accepts.methods)}",
        )


def _best(rungs: Sequence[Attempt]) -> Artifact:
    """The first file within the limit, else the nearest to it."""
    files = [rung.candidate for rung in rungs if rung.candidate]
    within = (candidate for candidate in files if candidate.within_limit)
    return next(within, min(files, key=lambda candidate: (candidate.unmet != "", candidate.validation.drop))).artifact


def _reached(climbed: Sequence[Attempt], name: str, *, everything: bool) -> bool:
    """Whether the ladder need not be climbed to this step: a file below it is within the limit.

    With `everything` only the flight of mixed files ends there.
    """
    flight = methods.find_family(name) == methods.MIXED
    below = [
        rung for rung in climbed if not everything or (flight and methods.find_family(rung.method) == methods.MIXED)
    ]
    return any(rung.candidate and rung.candidate.within_limit for rung in below)
