"""retraining.py: the parent passes on what the child tells, its errors by name, and its last word when it dies."""

import subprocess
import sys
from contextlib import contextmanager

import pytest

from edgetl.core.errors import DataError, StageError
from edgetl.core.progress import TrainingListener
from edgetl.engines.tfmot import launcher


@pytest.fixture
def played(monkeypatch, tmp_path):
    """The parent's loop over a child of ours; gives what the watch was told."""

    def play(program):
        seen = []

        @contextmanager
        def child(given, results, stderr):
            command = [sys.executable, "-c", program]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
                yield process

        monkeypatch.setattr(launcher, "_child", child)
        watch = TrainingListener(
            begin=lambda what, steps: seen.append((what, steps)),
            step=lambda count, note: seen.append((count, note)),
            epoch=lambda epoch: seen.append(epoch.validation_accuracy),
            say=seen.append,
        )
        launcher._run(tmp_path, tmp_path, watch)
        return seen

    return play


EPOCH = (
    '{"epoch": {"phase": "qat", "epoch": 1, "learning_rate": 1e-5, "loss": 0.5, "accuracy": 0.8, '
    '"validation_loss": 0.4, "validation_accuracy": 0.75, "seconds": 1.5}}'
)


def test_everything_is_passed_on(played):
    lines = ['{"begin": ["qat", 4]}', '{"step": [3, "loss 1"]}', EPOCH, '{"say": "well"}', '{"done": true}']
    assert played(f"print({chr(10).join(lines)!r})") == [("qat", 4), (3, "loss 1"), 0.75, "well"]


def test_its_errors_keep_their_name(played):
    line = '{"error": ["DataError", "photos are gone", ["a", "b"], "run it again"]}'
    with pytest.raises(DataError, match="photos are gone") as caught:
        played(f"print({line!r}); raise SystemExit(2)")
    assert (caught.value.where, caught.value.hint) == (("a", "b"), "run it again")


def test_its_last_word_when_it_dies(played, capsys):
    with pytest.raises(StageError, match="ended with code 1: ValueError: no room"):
        played("raise ValueError('no room')")
    # The whole of it goes where the parent's libraries write too.
    assert "Traceback" in capsys.readouterr().err


def test_one_that_dies_without_a_word(played):
    with pytest.raises(StageError, match="ended with code 3: it said nothing"):
        played("import os; os._exit(3)")


def test_one_that_was_killed(played):
    with pytest.raises(StageError, match="was killed") as caught:
        played(
            "import os, signal; print('a warning', file=__import__('sys').stderr); os.kill(os.getpid(), signal.SIGKILL)"
        )
    assert "memory ran out" in caught.value.hint and "a warning" not in caught.value.message


def test_a_child_whose_parent_has_lost_interest_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/sleep")
    monkeypatch.setattr(launcher.subprocess, "Popen", lambda command, **rest: _POPEN(["/bin/sleep", "600"], **rest))
    kept = []
    with pytest.raises(KeyboardInterrupt), launcher._child(tmp_path, tmp_path, subprocess.DEVNULL) as child:
        kept.append(child)
        raise KeyboardInterrupt
    assert kept[0].returncode == -9


def test_nothing_is_imported_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    with launcher._child(tmp_path, tmp_path, subprocess.PIPE) as child:
        said = child.communicate()[1]
    # It got as far as the job, which is not there.
    assert "imported from the current" not in said and "job.json" in said


_POPEN = subprocess.Popen
