"""A bundle → Benchmarks: measured on this machine or on devices over ssh, and judged on what a device predicts."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from edgetl.core.device import limits
from edgetl.core.device.benchmark import BenchmarkRequest, Measurement, read_measurement
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError, EdgetlError
from edgetl.core.records import Artifact, Benchmark, Bundle, Verdict
from edgetl.core.run.run_folder import StageSpec, make_folder_name
from edgetl.engines.ssh import Device
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.model import Model
from edgetl.pipeline.scores import ModelScores
from edgetl.stages.verify import Case, judge_case


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What `measure_everywhere` found.

    Attributes:
        benchmarks: of the host or of each device that did not fail.
        measurements: by host or device.
        verdicts: by device, where photos were scored.
        unmet: by device, the latency limit that is exceeded, in words; "" if it is not.
        errors: of the devices that failed.
    """

    benchmarks: tuple[Benchmark, ...]
    measurements: dict[str, Measurement]
    verdicts: dict[str, Verdict]
    unmet: dict[str, str]
    errors: tuple[EdgetlError, ...]


class Devices:
    """Measures bundles for one target. Every measurement is made again."""

    def __init__(self, context: Context, model: Model, scores: ModelScores, target: Target) -> None:
        self._context = context
        self._model = model
        self._scores = scores
        self._target = target

    def measure_everywhere(
        self, artifact: Artifact, bundle: Bundle, names: Sequence[str], *, soak_s: float | None, accuracy: bool
    ) -> Measured:
        """Measure a bundle on devices, or on this machine where none is named, and judge what the devices predict.

        Args:
            artifact: the file in the bundle.
            bundle: the bundle.
            names: ssh names of devices.
            soak_s: seconds of invocations without a pause; None for 60 on devices and 0 here.
            accuracy: whether the test photos are scored.

        Raises:
            ConfigError: not a name for ssh, or two names that give the same folder.
            StageError: the host could not be measured.
        """
        seconds = soak_s if soak_s is not None else 60.0 if names else 0.0
        request = self.make_request(artifact, soak_s=seconds, accuracy=accuracy)
        results = self.measure(names, bundle, request) if names else [self.measure_host(bundle, request)]
        benchmarks = tuple(result for result in results if isinstance(result, Benchmark))
        measurements = {
            benchmark.where: read_measurement(benchmark.path, benchmark.model_sha256) for benchmark in benchmarks
        }
        verdicts = {benchmark.where: self.judge(artifact, benchmark) for benchmark in benchmarks}
        return Measured(
            benchmarks=benchmarks,
            measurements=measurements,
            verdicts={where: verdict for where, verdict in verdicts.items() if verdict is not None},
            # A target's limit is for its device, not for this machine.
            unmet={
                where: limits.check_latency(measurement, self._target.limits)
                for where, measurement in measurements.items()
                if names
            },
            errors=tuple(result for result in results if isinstance(result, EdgetlError)),
        )

    def make_request(self, artifact: Artifact, *, soak_s: float, accuracy: bool) -> BenchmarkRequest:
        """Say what to measure; with `accuracy`, on the test photos too."""
        dataset = self._model.dataset
        return BenchmarkRequest(
            model_sha256=artifact.sha256,
            soak_s=soak_s,
            classes=dataset.classes,
            root=dataset.root,
            photos=dataset.test if accuracy else (),
        )

    def measure_host(self, bundle: Bundle, request: BenchmarkRequest) -> Benchmark:
        """Measure the bundle on this machine."""
        title = "measure here: the host, not the device"
        spec = StageSpec(name=self._name_stage("host"), record=Benchmark, title=title, reuse=False)
        return self._context.run_stage(spec, stages.bench.bench, bundle, request)

    def measure(self, names: Sequence[str], bundle: Bundle, request: BenchmarkRequest) -> list[Benchmark | EdgetlError]:
        """Measure the bundle on all devices at once; the results are in their order, an error for each that failed.

        Raises:
            ConfigError: not a name for ssh, or two names that give the same folder.
        """
        stop = threading.Event()
        devices = [Device(name=name, alone=len(names) == 1, stop=stop) for name in names]
        if len({self._name_stage(name) for name in names}) < len(names):
            raise ConfigError("two devices of the same name", where=names)

        def measure_device(device: Device) -> Benchmark | EdgetlError:
            spec = StageSpec(name=self._name_stage(device.name), record=Benchmark, reuse=False)
            console = self._context.console.labelled(f"• {device.name}: ")
            try:
                return self._context.run_stage_on(console, spec, stages.deploy.deploy, device, bundle, request)
            except EdgetlError as error:
                return error

        with ThreadPoolExecutor(len(devices)) as pool:
            try:
                return list(pool.map(measure_device, devices))
            except KeyboardInterrupt:
                stop.set()
                raise

    def judge(self, artifact: Artifact, benchmark: Benchmark) -> Verdict | None:
        """Return the verdict on the device's own scores, with their hop in the ledger; None if it made no scores."""
        if benchmark.scores is None:
            return None
        kernels = self._target.choose_kernels(artifact.format)
        steps = self._scores.score_steps(artifact, "test", kernels)
        case = Case(
            method=artifact.method,
            photos=self._model.dataset.test,
            classes=self._model.dataset.classes,
            reference=self._scores.score_reference("test"),
            artifact=benchmark.scores,
            steps=(*steps, (f"{artifact.method}, {benchmark.where}", benchmark.scores)),
        )
        return judge_case(case, self._context.order.recipe.contract)

    def _name_stage(self, where: str) -> str:
        several = len(self._context.order.targets) > 1
        return make_folder_name("bench", self._target.id, where) if several else make_folder_name("bench", where)
