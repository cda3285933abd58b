"""Heat maps are a stage of a build, and a library that fails on them does not stop it."""

from edgetl.core.errors import StageError
from edgetl.core.heat_maps.records import HeatMaps
from edgetl.core.run.run_folder import read_finished_stage
from edgetl.pipeline import stages
from edgetl.pipeline.pages.heat_maps import add_heat_maps


def test_build_has_heat_maps_of_its_file(built, delivered):
    finished = read_finished_stage(built.run / "heatmaps-tflite", HeatMaps)
    assert finished is not None and finished.record.artifact_sha256 == delivered.artifact.sha256


def test_failure_of_a_library_leaves_the_maps_out(pipeline, delivered, monkeypatch, capsys):
    def fail(work, request):
        raise StageError("LiteRT failed")

    fail.__module__, fail.__name__ = "edgetl.stages.pages.inspect", "inspect_photos"
    monkeypatch.setattr(stages.heat_maps, "make_heat_maps", fail, raising=False)
    warnings = []
    monkeypatch.setattr(type(pipeline.context.console), "warn", lambda _, text: warnings.append(text))
    part = pipeline.for_target(pipeline.context.order.targets[0])
    assert add_heat_maps(pipeline, part, delivered.artifact) is None
    assert warnings == ["the report has no heat maps: LiteRT failed"]
