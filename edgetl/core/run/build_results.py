"""What a build decided, kept in its run folder: the ladder, the verdicts and the advice. `edgetl report` reads it.

The other stages of a run contain files and scores. Only this record says which of them were compared, and why one was
chosen.
"""

from edgetl.core.evaluation.quality.model_quality import ModelQuality
from edgetl.core.record import Record
from edgetl.core.records import TensorSpec
from edgetl.core.verdict_records import Verdict

RESULTS_STAGE = "results"


class AttemptResult(Record):
    """An attempt of the ladder, with the facts of its file.

    Attributes:
        method: its name.
        seconds: its duration.
        reason: why it was chosen or not.
        sha256: of its file; "" where none was made.
        bytes: of its file.
        validation: its verdict on the validation photos; None where no file was made.
    """

    method: str
    seconds: float
    reason: str
    sha256: str = ""
    bytes: int = 0
    validation: Verdict | None = None


class TargetResult(Record):
    """The results of a build for one target.

    Attributes:
        target: its id.
        method: of the chosen file.
        format: name of the file format.
        format_title: of that format, for people.
        sha256: of the chosen file.
        bytes: of the chosen file.
        gzip_bytes: of it after gzip.
        input: of the chosen file.
        output: of the chosen file.
        operators: type of an operator → its number in the file.
        attempts: of the ladder, in order.
        verdict: on the test photos.
        quality: of the chosen file, by itself.
        scores_stages: stages with the scores of Keras and of the chosen file for the test photos.
        layers_stage: stage with the quantization errors of the layers of this format, which a run may lack.
        answers_stage: stage with the thresholds for answers, which a run may lack.
        bundle_stage: stage with the folder for the device.
        bundle_bytes: of all files in that folder.
        unmet: limits of the target that are exceeded, in words.
        advice: what would decide an UNDECIDED verdict, one option a line.
        next_file: names the next file in the ladder with its command; "" for none.
        gain: lines that compare the file with the float32 file.
        memory: what the file needs on a microcontroller, in sentences; empty for other targets.
        boards: rows of the table of boards with their limits; empty for other targets.
        device_ms: name of a device → sha256 of a file → its latency there.
    """

    target: str
    method: str
    format: str
    format_title: str
    sha256: str
    bytes: int
    gzip_bytes: int
    input: TensorSpec
    output: TensorSpec
    operators: dict[str, int]
    attempts: tuple[AttemptResult, ...]
    verdict: Verdict
    quality: ModelQuality
    scores_stages: tuple[str, str]
    layers_stage: str
    answers_stage: str
    bundle_stage: str
    bundle_bytes: int
    unmet: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    next_file: str = ""
    gain: tuple[str, ...] = ()
    memory: tuple[str, ...] = ()
    boards: tuple[tuple[str, ...], ...] = ()
    device_ms: dict[str, dict[str, float]]


class BuildResults(Record):
    """The results of a build.

    Attributes:
        trained_sha256: of the model that all results are about.
        dataset_sha256: of the photos.
        targets: in the order in which they were ordered.
        agreements: sentences that compare the files of two targets.
        procedures: sentences of the verdicts on the procedure, of --cross-fit.
        versions: distribution → its version, of those that a result may depend on.
    """

    trained_sha256: str
    dataset_sha256: str
    targets: tuple[TargetResult, ...]
    agreements: tuple[str, ...] = ()
    procedures: tuple[str, ...] = ()
    versions: dict[str, str]
