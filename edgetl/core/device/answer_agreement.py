"""Answers of a device and of this machine to the same photos → how many are the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgetl.core.device.measurement import Accuracy
from edgetl.core.errors import StageError
from edgetl.core.record import Record
from edgetl.core.report.predictions import PhotoAnswer


class AnswerAgreement(Record):
    """Answers of a device to photos: how many are a label, unsure or none of the labels, and as on this machine.

    An answer is the same if both are unsure, both are none of the labels, or both are one label.
    """

    photos: int
    labels: int
    unsure: int
    none: int
    same: int


def compare_with_host(accuracy: Accuracy, classes: Sequence[str], host: Sequence[PhotoAnswer]) -> AnswerAgreement:
    """Compare the answers of a device with those of this machine.

    Args:
        accuracy: of photos that `benchmark.link_photos` has named, as in "daisy/000012.jpg".
        classes: in the order of the probabilities.
        host: the answers of this machine, in the order of the photos.

    Raises:
        StageError: the device gave no answers, or another number of them.
    """
    # The names are numbers with leading zeros, so that their order is that of the photos.
    rows = sorted(accuracy.answers, key=lambda row: Path(row.photo).stem)
    if len(rows) != len(host) or any(row.known is None or row.accepted is None for row in rows):
        raise StageError(f"the device did not answer {len(host)} photos with a label, unsure or none of these")
    decisions = [
        _decide(classes[int(np.argmax(row.probabilities))], bool(row.known), bool(row.accepted)) for row in rows
    ]
    expected = [_decide(answer.label, answer.known, answer.accepted) for answer in host]
    unsure, none = decisions.count("unsure"), decisions.count("none")
    return AnswerAgreement(
        photos=len(rows),
        labels=len(rows) - unsure - none,
        unsure=unsure,
        none=none,
        same=sum(left == right for left, right in zip(decisions, expected, strict=True)),
    )


def describe_agreement(where: str, agreement: AnswerAgreement) -> str:
    """Describe the answers on a device in one line."""
    return (
        f"answers on {where} to {agreement.photos} test photos: {agreement.labels} a label, {agreement.unsure} unsure, "
        f"{agreement.none} none of these; {agreement.same} are the same on this machine"
    )


def _decide(label: str, known: bool, accepted: bool) -> str | tuple[str]:
    # A tuple, because a label may be named "unsure".
    return (label,) if accepted else "unsure" if known else "none"
