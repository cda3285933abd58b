"""The last section has all that a repetition needs."""

from dataclasses import replace

from edgetl.core.report_page.repeat import collect_repeat
from tests.fixtures.reports import make_report


def test_command_hashes_versions_and_recipe_are_there():
    run, target = make_report()
    values = collect_repeat(run, target)
    assert values["command"] == "edgetl build run" and values["recipe"] == run.recipe
    assert dict(values["hashes"]) == {"photos": "d" * 64, "Keras model": "t" * 64, "int8 file": "a" * 64}
    assert values["versions"] == [("edgetl", "1"), ("keras", "3")]


def test_files_of_several_targets_are_told_apart():
    run, target = make_report()
    other = target.result.model_copy(update={"target": "onnx", "sha256": "c" * 64})
    both = replace(run, results=run.results.model_copy(update={"targets": (target.result, other)}))
    titles = [title for title, _ in collect_repeat(both, target)["hashes"]]
    assert titles == ["photos", "Keras model", "tflite int8", "onnx int8"]
