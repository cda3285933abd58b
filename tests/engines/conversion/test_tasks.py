"""tasks.py: every step of a conversion can be a task, and a task is the same after a way through JSON."""

import inspect
import json
from typing import get_args

import pytest

from edgetl.core.formats import FORMATS
from edgetl.core.records import InputSpec
from edgetl.engines.backends import Backend
from edgetl.engines.conversion import tasks
from edgetl.engines.conversion.tasks import Action, ConversionTask, run_task

ACTIONS = get_args(Action)
# They read a file that has been checked, and run no converter.
READING = {"summarize", "read_weights", "predict", "predict_features", "add_features", "compute_class_maps"}


def test_all_methods_of_a_backend_that_run_a_converter_are_actions():
    methods = {name for name, _ in inspect.getmembers(Backend, inspect.isfunction) if not name.startswith("_")}
    assert set(ACTIONS) == methods - READING == set(tasks._ACTIONS)


@pytest.mark.parametrize("format_name", FORMATS)
def test_each_action_has_the_name_of_a_program(format_name):
    assert set(FORMATS[format_name].tools) == set(ACTIONS)


def test_a_task_passes_through_json(tmp_path):
    task = ConversionTask(
        action="quantize",
        format="tflite",
        source=tmp_path / "a",
        output=tmp_path / "b",
        input=InputSpec(side_px=32, fit="crop"),
        method="mixed8-4",
        photos=("c",),
        classes=("d", "é"),
        float_layers=("e",),
    )
    assert ConversionTask.model_validate(json.loads(json.dumps(task.model_dump(mode="json")))) == task
    assert task.find_method().float_layers == 4 and task.make_metadata().classes == ("d", "é")


def test_a_translation_returns_the_path_of_its_file(small_keras, translated_onnx, tmp_path):
    task = ConversionTask(action="prepare", format="onnx", source=small_keras, output=tmp_path)
    path = run_task(task, lambda _: None)
    assert path == str(tmp_path / "graph.onnx") and (tmp_path / "graph.onnx").read_bytes() == translated_onnx
