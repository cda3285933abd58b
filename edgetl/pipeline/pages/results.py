"""Built → the record of its results, kept in the run folder for pages and comparisons."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgetl.core.device.targets import list_targets
from edgetl.core.evaluation.ladder import Attempt
from edgetl.core.formats import FORMATS
from edgetl.core.microcontroller.memory_table import describe_memory, tabulate_fit
from edgetl.core.report.gain import describe_gain
from edgetl.core.report.procedure_tables import describe_procedure
from edgetl.core.run.build_results import RESULTS_STAGE, AttemptResult, BuildResults, TargetResult
from edgetl.core.run.fingerprint import installed_version
from edgetl.pipeline.delivery import name_answers_stage, name_bundle_stage
from edgetl.pipeline.pipeline import Pipeline, TargetPipeline

if TYPE_CHECKING:
    from edgetl.pipeline.build import Built, Delivered

# The libraries that convert and predict; that of the training is the backend. Some may be absent.
_LIBRARIES = (
    "edgetl",
    "keras",
    "tensorflow",
    "jax",
    "torch",
    "ai-edge-litert",
    "onnx",
    "onnxruntime",
    "numpy",
    "pillow",
)


def keep_results(pipeline: Pipeline, parts: Sequence[TargetPipeline], built: "Built") -> BuildResults:
    """Write the results of a build as a stage of its run; return them."""
    hints = built.list_next_files()
    versions = {name: installed_version(name) for name in (*_LIBRARIES, built.trained.backend)}
    results = BuildResults(
        trained_sha256=built.trained.sha256,
        dataset_sha256=pipeline.model.dataset.sha256,
        targets=tuple(
            _make_target_result(pipeline, part, delivered, hints[delivered.target])
            for part, delivered in zip(parts, built.targets, strict=True)
        ),
        agreements=tuple(
            f"{' and '.join(agreement.targets)} decide alike for {agreement.same} of {agreement.photos} test photos"
            for agreement in built.agreements
        ),
        procedures=tuple(line for procedure in built.procedures for line in describe_procedure(procedure)),
        versions={name: version for name, version in versions.items() if version != "absent"},
    )
    return pipeline.context.keep(RESULTS_STAGE, results)


def _make_target_result(
    pipeline: Pipeline, part: TargetPipeline, delivered: "Delivered", next_file: str
) -> TargetResult:
    artifact = delivered.artifact
    # The names of their folders: read back, they are where they were when they were made.
    scores = (pipeline.scores.score_reference("test"), part.delivery.score(artifact, "test"))
    boards = list_targets() if delivered.memory else ()
    return TargetResult(
        target=delivered.target,
        method=artifact.method,
        format=artifact.format,
        format_title=FORMATS[artifact.format].title,
        sha256=artifact.sha256,
        bytes=artifact.bytes,
        gzip_bytes=artifact.gzip_bytes,
        input=artifact.input,
        output=artifact.output,
        operators=artifact.operators,
        attempts=tuple(map(_make_attempt_result, delivered.attempts)),
        verdict=delivered.verdict,
        quality=delivered.quality,
        scores_stages=(scores[0].path.parent.name, scores[1].path.parent.name),
        layers_stage=f"calibrate-{artifact.format}",
        answers_stage=name_answers_stage(part.target),
        bundle_stage=name_bundle_stage(part.target),
        bundle_bytes=delivered.bundle.bytes,
        unmet=tuple(filter(None, (delivered.unmet, *delivered.unmet_answers))),
        advice=delivered.advice,
        next_file=next_file,
        memory=tuple(line for use in delivered.memory for line in describe_memory(use, artifact, boards)),
        boards=tuple(tuple(row) for use in delivered.memory for row in tabulate_fit(use, artifact, boards)[2]),
        gain=tuple(describe_gain(delivered.gain)) if delivered.gain else (),
        device_ms={device: dict(files) for device, files in delivered.device_ms.items()},
    )


def _make_attempt_result(attempt: Attempt) -> AttemptResult:
    candidate = attempt.candidate
    facts = (
        {
            "sha256": candidate.artifact.sha256,
            "bytes": candidate.artifact.bytes,
            # Entries for each photo: the verdict on the test photos has those of the chosen file.
            "validation": candidate.validation.model_copy(update={"flips": ()}),
        }
        if candidate
        else {}
    )
    return AttemptResult(method=attempt.method, seconds=attempt.seconds, reason=attempt.reason, **facts)
