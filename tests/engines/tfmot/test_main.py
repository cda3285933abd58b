"""__main__.py: an error of the job becomes a message and an exit code; the note on the best epoch."""

from typing import Any

import pytest


def run_a_job_that_fails(folder: str) -> dict[str, Any]:
    from unittest import mock

    from edgetl.core.errors import StageError
    from edgetl.engines.tfmot import __main__ as child

    error = StageError("training diverged", where=("epoch 1",), hint="lower the rate")
    with mock.patch.object(child, "MessageWriter") as writer, mock.patch.object(child, "run_job", side_effect=error):
        exit_code = child.main(folder, folder)
    calls = writer.return_value
    return {"exit_code": exit_code, "errors": calls.write_error.call_count, "done": calls.write_done.call_count}


def test_an_error_of_the_job_is_written_and_sets_the_exit_code(keras2, tmp_path):
    assert keras2(run_a_job_that_fails, tmp_path) == {"exit_code": 3, "errors": 1, "done": 0}


def describe_best_epoch(start_accuracy: float, accuracy: float, best_epoch: int) -> str:
    from edgetl.engines.tfmot.__main__ import _describe_best_epoch
    from edgetl.engines.tfmot.fit import FitResult

    return _describe_best_epoch(
        FitResult(start_accuracy=start_accuracy, accuracy=accuracy, best_epoch=best_epoch, epochs=4)
    )


@pytest.mark.parametrize(
    ("accuracies", "best_epoch", "note"),
    [
        ((0.8, 0.8), 0, "no epoch was better on the validation photos than the start, which is kept"),
        ((0.8, 0.7), 3, "the best epoch classifies fewer validation photos correctly than the start"),
        ((0.8, 0.9), 3, ""),
    ],
)
def test_the_note_says_when_the_accuracy_did_not_improve(keras2, accuracies, best_epoch, note):
    assert keras2(describe_best_epoch, *accuracies, best_epoch) == note
