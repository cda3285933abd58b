"""A bundle → Benchmarks: measured on this machine or on devices over ssh. A device's own predictions are judged."""

import itertools
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from edgetl.core.device import limits
from edgetl.core.device.answer_agreement import AnswerAgreement, compare_with_host
from edgetl.core.device.benchmark import Benchmark, BenchmarkRequest
from edgetl.core.device.bundle_reading import read_bundle
from edgetl.core.device.fleet import MeasurementOrder
from edgetl.core.device.measurement import Measurement, read_measurement
from edgetl.core.device.targets import Target
from edgetl.core.errors import ConfigError, EdgetlError
from edgetl.core.photos import pixel_store
from edgetl.core.records import Artifact, Bundle
from edgetl.core.run.latencies import DeviceLatency, add_latency
from edgetl.core.run.run_folder import StageSpec, make_folder_name, read_finished_stage
from edgetl.core.verdict_records import Verdict
from edgetl.engines.ssh import Device
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.model import Model
from edgetl.pipeline.scores import ModelScores
from edgetl.pipeline.usage.answers import answer_photos, predict_scores_and_features
from edgetl.stages.verify import Case, judge_case

# A board without a fan slows down after a time at full load; a short measurement would not show it.
_DEVICE_SOAK_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Results of `Devices.measure_everywhere`.

    Attributes:
        benchmarks: of the host, or of each device that did not fail.
        measurements: by name of the device, or "host".
        verdicts: by the same names, for those that scored photos.
        unmet: by device, the latency limit that is exceeded, in words; "" if it is not.
        errors: of the devices that failed.
        agreements: by the same names as `verdicts`, of the answers; empty for a bundle without thresholds.
    """

    benchmarks: tuple[Benchmark, ...]
    measurements: dict[str, Measurement]
    verdicts: dict[str, Verdict]
    unmet: dict[str, str]
    errors: tuple[EdgetlError, ...]
    agreements: dict[str, AnswerAgreement] = field(default_factory=dict)


class Devices:
    """Measures bundles for one target.

    No measurement is read back unless the order is resumed: it depends on the state of the device.
    """

    def __init__(self, context: Context, model: Model, scores: ModelScores, target: Target) -> None:
        self._context = context
        self._model = model
        self._scores = scores
        self._target = target

    def measure_everywhere(self, artifact: Artifact, bundle: Bundle, order: MeasurementOrder) -> Measured:
        """Measure a bundle on devices, or on this machine where none is named, and judge what the devices predict.

        Args:
            artifact: the file in the bundle.
            bundle: the bundle.
            order: what is measured, and where.

        Raises:
            ConfigError: the device has no Python, a name that ssh does not accept, or two names that give the same
                folder.
            StageError: this machine could not be measured.
        """
        if not self._target.runtime.python:
            raise ConfigError(
                f"a device of target {self._target.id} has no Python, so that no program can measure it from here",
                where=(bundle.root,),
                hint="run the self-check of the bundle on the device: its folder contains the instructions. "
                "edgetl bench RUN --browser "
                "measures the file in a browser on this machine",
            )
        names, soak_s = order.names, order.soak_s
        if soak_s is None:
            soak_s = _DEVICE_SOAK_S if names else 0.0
        request = self.make_request(artifact, soak_s=soak_s, accuracy=order.accuracy)
        results = self.measure(order, bundle, request) if names else [self.measure_host(bundle, request)]
        benchmarks = tuple(result for result in results if isinstance(result, Benchmark))
        measurements = {
            benchmark.where: read_measurement(benchmark.path, benchmark.model_sha256) for benchmark in benchmarks
        }
        if names:
            self._keep_latencies(measurements)
        # A device without its own scores, measured without --accuracy, has no verdict.
        verdicts = {benchmark.where: self.judge(artifact, benchmark) for benchmark in benchmarks}
        return Measured(
            benchmarks=benchmarks,
            measurements=measurements,
            verdicts={where: verdict for where, verdict in verdicts.items() if verdict is not None},
            # A target limits the latency of its device, not of this machine.
            unmet={
                where: limits.check_latency(measurement, self._target.limits)
                for where, measurement in measurements.items()
                if names
            },
            errors=tuple(result for result in results if isinstance(result, EdgetlError)),
            agreements=self._compare_answers(artifact, bundle, measurements),
        )

    def make_request(self, artifact: Artifact, *, soak_s: float, accuracy: bool) -> BenchmarkRequest:
        """Make the request for a measurement; with `accuracy`, the test photos are scored too."""
        dataset = self._model.dataset
        if accuracy and dataset.multi_label:
            raise ConfigError(
                "--accuracy scores photos of one class each, and this model has several labels",
                where=(self._context.run.root,),
                hint="leave out --accuracy; edgetl verify judges the file on the test photos here",
            )
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
        return self._context.run_stage(spec, stages.bench.bench_bundle, bundle, request)

    def measure(
        self, order: MeasurementOrder, bundle: Bundle, request: BenchmarkRequest
    ) -> list[Benchmark | EdgetlError]:
        """Measure the bundle on several devices at once; return a benchmark or an error for each, in their order.

        Each device has a line when it is finished, and its measurement is kept from then on.

        Raises:
            ConfigError: a name that ssh does not accept, or two names that give the same folder.
        """
        names, stop, counter = order.names, threading.Event(), itertools.count(1)
        # Several devices cannot ask for passwords on one terminal.
        devices = [Device(name=name, interactive=len(names) == 1, stop=stop) for name in names]
        # As names of folders, "pi@a" and "pi_a" are the same. Their threads would write into one folder.
        if len({self._name_stage(name) for name in names}) < len(names):
            raise ConfigError("two devices of the same name", where=names)

        def measure_device(device: Device) -> Benchmark | EdgetlError:
            stage = self._name_stage(device.name)
            console = self._context.console.labelled(f"• {device.name}: ")
            try:
                spec = StageSpec(name=stage, record=Benchmark, reuse=order.resume and self._is_valid(stage))
                result = self._context.run_stage_on(console, spec, stages.deploy.deploy_bundle, device, bundle, request)
            except EdgetlError as error:
                # One device must not end the measurement of the others.
                console.say(f"failed, {next(counter)} of {len(names)}: {error.message}")
                return error
            console.say(f"{_describe(result)}, {next(counter)} of {len(names)}")
            return result

        with ThreadPoolExecutor(min(order.parallel, len(devices))) as pool:
            try:
                return list(pool.map(measure_device, devices))
            except KeyboardInterrupt:
                # The pool waits for its threads, and they wait for their devices, until they see this. It matters where
                # no handler of edgetl is installed, as in a thread of a program that calls the Python API.
                stop.set()
                raise

    def judge(self, artifact: Artifact, benchmark: Benchmark) -> Verdict | None:
        """Return the verdict on a device's own scores, which are a hop of its ledger; None without scores."""
        if benchmark.scores is None:
            return None
        kernels = self._target.choose_kernels(artifact.format)
        device = ((f"{artifact.method}, {benchmark.where}", benchmark.scores),)
        case = Case(
            method=artifact.method,
            photos=self._model.dataset.test,
            classes=self._model.dataset.classes,
            thresholds=self._model.trained.threshold_values,
            temperature=self._model.trained.temperature,
            reference=self._scores.score_reference("test"),
            artifact=benchmark.scores,
            steps=self._scores.score_steps(artifact, "test", kernels, device),
        )
        return judge_case(case, self._context.order.recipe.contract)

    def _compare_answers(
        self, artifact: Artifact, bundle: Bundle, measurements: Mapping[str, Measurement]
    ) -> dict[str, AnswerAgreement]:
        """Compare the answers to the test photos with those of this machine, where they were scored."""
        scored = {where: row.accuracy for where, row in measurements.items() if row.accuracy is not None}
        classifier = read_bundle(bundle.root)
        if not scored or classifier.reference is None:
            return {}
        sha256s = [photo.sha256 for photo in self._model.dataset.test]
        photos = pixel_store.open_pixels(sha256s, self._model.trained.input)
        outputs = predict_scores_and_features(classifier, photos, self._target.choose_kernels(artifact.format))
        host = [answer for answer in answer_photos(classifier, *outputs) if answer is not None]
        return {where: compare_with_host(accuracy, classifier.classes, host) for where, accuracy in scored.items()}

    def _is_valid(self, stage: str) -> bool:
        """Return whether the kept measurement of a device is valid: one of a busy or throttled board is repeated."""
        kept = read_finished_stage(self._context.run.root / stage, Benchmark)
        return kept is not None and read_measurement(kept.record.path, kept.record.model_sha256).valid

    def _keep_latencies(self, measurements: Mapping[str, Measurement]) -> None:
        """Keep the latencies of valid measurements, for the choice among files that were measured on one device."""
        for where, measurement in measurements.items():
            if measurement.valid:
                latency = DeviceLatency(
                    target=self._target.id,
                    device=where,
                    model_sha256=measurement.model_sha256,
                    ms=measurement.best.steady.p50.ms,
                )
                add_latency(self._context.run.output, latency)

    def _name_stage(self, where: str) -> str:
        several = len(self._context.order.targets) > 1
        return make_folder_name("bench", self._target.id, where) if several else make_folder_name("bench", where)


def _describe(benchmark: Benchmark) -> str:
    """Describe the measurement of a device in a few words."""
    measurement = read_measurement(benchmark.path, benchmark.model_sha256)
    return f"{measurement.best.steady.p50.ms:.2f} ms" + ("" if measurement.valid else ", INVALID")
