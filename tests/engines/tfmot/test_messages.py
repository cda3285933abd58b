"""messages.py: what the child process writes is what the listener of its parent gets."""

import subprocess
import sys

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.progress import EpochResult, TrainingListener
from edgetl.engines.tfmot import messages

_PROGRAM = """
import os
from edgetl.core.errors import ConfigError
from edgetl.core.progress import EpochResult
from edgetl.engines.tfmot.messages import MessageWriter
writer = MessageWriter()
print("printed by a library")
os.write(1, b"printed by C++ code")
writer.listener.begin("qat", 3)
writer.listener.step(2, "loss 1")
writer.listener.epoch(
    EpochResult(
        phase="qat", epoch=1, learning_rate=1e-5, loss=0.5, accuracy=0.8, validation_loss=0.4, validation_accuracy=0.75,
        seconds=1.5,
    )
)
writer.listener.say("Gänseblümchen")
writer.write_error(ConfigError("no such layer", where=("conv1",), hint="choose another"))
writer.write_done()
"""


@pytest.fixture(scope="module")
def child():
    """The finished process that ran the program."""
    return subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True)


@pytest.fixture
def recorded(child):
    """The calls of a listener to which all messages were passed, and the errors."""
    calls = []
    listener = TrainingListener(
        begin=lambda *values: calls.append(values),
        step=lambda *values: calls.append(values),
        epoch=calls.append,
        say=calls.append,
    )
    lines = child.stdout.decode().splitlines()
    return calls, [error for line in lines if (error := messages.handle_message(line, listener)) is not None]


def test_messages_reach_the_listener(recorded):
    calls, _ = recorded
    epoch = EpochResult(
        phase="qat",
        epoch=1,
        learning_rate=1e-5,
        loss=0.5,
        accuracy=0.8,
        validation_loss=0.4,
        validation_accuracy=0.75,
        seconds=1.5,
    )
    assert calls == [("qat", 3), (2, "loss 1"), epoch, "Gänseblümchen"]


def test_an_error_has_the_class_of_the_childs_error(recorded):
    _, (error,) = recorded
    assert type(error) is ConfigError and error.message == "no such layer"
    assert (error.where, error.hint) == (("conv1",), "choose another")


def test_output_of_libraries_goes_to_standard_error(child):
    assert b"printed" not in child.stdout
    assert b"printed by a library" in child.stderr and b"printed by C++ code" in child.stderr
