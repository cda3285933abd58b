"""An inspection has a folder of its own, and nothing that the user wrote is lost."""

from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError, DataError
from edgetl.core.inspection.findings import Inspection, Suspect
from edgetl.pipeline import stages
from edgetl.pipeline.context import Context
from edgetl.pipeline.options import InspectOptions
from edgetl.pipeline.pages.inspection import open_inspection, run_inspection
from tests.fixtures.runs import list_times

SMALL = {"base": "mobilenet", "alpha": 0.25, "side": 32, "weights": "none"}


@pytest.fixture
def prepared(monkeypatch):
    """Findings in place of those of the stage: the photo of a row that a test can change."""
    row = [3]

    def inspect(work, request, weights):
        counts = tuple(40 for _ in request.dataset.classes)
        return Inspection(
            classes=request.dataset.classes,
            counts=counts,
            accuracy=1.0,
            recalls=(1.0, 1.0, 1.0),
            suspects=(Suspect(row=row[0], suggested=1, score=0.1, neighbours=()),),
        )

    inspect.__module__, inspect.__name__ = "edgetl.stages.pages.inspect", "inspect_photos"
    monkeypatch.setattr(stages.inspect, "inspect_photos", inspect, raising=False)
    return row


@pytest.fixture
def inspect(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def inspect(out=None, **options):
        with open_inspection(InspectOptions(**SMALL, **options), out, quiet=True) as context:
            return run_inspection(context)

    return inspect


def test_results_are_in_a_folder_beside_the_runs_and_photos_are_unchanged(inspect, prepared, photos):
    before = list_times(photos)
    result = inspect(photos=photos)
    assert result.root == Path("edgetl-runs/shapes-inspection").absolute() and list_times(photos) == before
    lines = result.suspects.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2 and f'"{result.photos[3].path}"' in lines[1]
    assert f"--exclude {result.suspects.relative_to(Path.cwd())}" in result.build_command
    # Without the options of the build, the command would use another network.
    assert "--base mobilenet" in result.build_command


def test_list_that_the_user_edited_is_kept(inspect, prepared, photos):
    first = inspect(photos=photos).suspects
    first.write_text("path\n", encoding="utf-8")
    again = inspect(photos=photos).suspects
    assert first.read_text(encoding="utf-8") == "path\n" and again.name == "suspects-new.csv" and again.exists()


def test_list_that_nobody_edited_is_replaced(inspect, prepared, photos, draw_photos, tmp_path):
    first = inspect(out=tmp_path / "out", photos=photos).suspects
    text = first.read_text(encoding="utf-8")
    # Other photos: the stage runs again.
    prepared[0] = 50
    second = inspect(out=tmp_path / "out", photos=draw_photos(tmp_path / "more", range(41))).suspects
    assert second == first and second.read_text(encoding="utf-8") != text


def test_excluded_photos_are_not_inspected(inspect, prepared, photos, tmp_path):
    (tmp_path / "suspects.csv").write_text("path\ncircle/003.png\n", encoding="utf-8")
    result = inspect(photos=photos, exclude=tmp_path / "suspects.csv")
    assert "circle/003.png" not in {photo.path for photo in result.photos}
    # The command of the result must not bring them back.
    lines = result.suspects.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 and lines[2] == '"circle/003.png","","","","excluded before"'


def test_folder_of_a_build_is_refused(inspect, built, photos):
    with pytest.raises(ConfigError, match="run folder of a build"):
        inspect(out=built.run, photos=photos)


def test_folder_inside_the_photos_is_refused(inspect, photos):
    with pytest.raises(ConfigError, match="inside the photos"):
        inspect(out=photos / "inspection", photos=photos)
    assert not (photos / "inspection").exists()


def test_missing_photos_are_an_error_and_leave_no_folder(inspect, tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        inspect(photos=tmp_path / "missing")
    assert not (tmp_path / "edgetl-runs").exists()


def test_order_of_an_inspection_has_the_options(photos, tmp_path):
    with open_inspection(InspectOptions(photos=photos, fit="pad", **SMALL), tmp_path / "out", quiet=True) as context:
        assert isinstance(context, Context)
        assert (context.order.recipe.photos.fit, context.order.recipe.base.alpha) == ("pad", 0.25)
