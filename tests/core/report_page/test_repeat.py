"""The last section has all that a repetition needs."""

from dataclasses import replace

from edgetl.core.report_page.repeat import collect_repeat, list_costs
from edgetl.core.run.stage_cost import StageCost
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


def test_longest_stages_are_first_and_their_sum_is_last():
    run, target = make_report()
    assert collect_repeat(run, target)["costs"] == []
    costs = {"verify": StageCost(0.01, 0.01, 9_000_000_000), "old": StageCost(3.0)}
    costs |= {"train": StageCost(20.04, 31.0, 800_400_000), "ingest": StageCost(1.0, 2.0, 100_000_000)}
    assert list_costs(replace(run, costs=costs)) == [
        ["train", "20.0", "31.0", "800"],
        ["old", "3.0", "", ""],
        ["ingest", "1.0", "2.0", "100"],
        ["all of them", "24.0", "33.0", "800"],
    ]
