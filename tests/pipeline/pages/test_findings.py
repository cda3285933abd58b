"""The report of a build has findings about its photos: its own, or those of an inspection of the same photos."""

import json
import shutil

import pytest

from edgetl.core.errors import StageError
from edgetl.core.inspection.findings import BuildFindings, Inspection
from edgetl.core.run.run_folder import StageSpec, open_run, read_finished_stage
from edgetl.pipeline import stages
from edgetl.pipeline.pages.findings import add_findings, open_inspected_thumbnails, read_findings
from edgetl.pipeline.pages.inspection import locate_inspection
from edgetl.pipeline.pages.report import open_report, write_report


@pytest.fixture
def run(built, tmp_path):
    """A copy of the shared run, in a folder of its own."""
    return shutil.copytree(built.run, tmp_path / "runs" / "run")


@pytest.fixture
def add_inspection(run, shared_dataset):
    """Return a function that puts an inspection beside the run; it changes the data set first."""

    def add(context, **changes):
        folder = run.parent / locate_inspection(context.order).name
        dataset = shared_dataset.model_copy(update=changes)
        inspection = Inspection(
            classes=dataset.classes, counts=(1,) * 3, accuracy=0.5, recalls=(0.5,) * 3, suspects=(), groups=()
        )
        with open_run(folder) as other:
            for name, record in (("ingest", dataset), ("inspection", inspection)):
                other.stage(StageSpec(name=name, record=type(record)), "f", lambda _, record=record: record)
        (folder / "inspection.html").write_text("page", encoding="utf-8")

    return add


def test_build_has_looked_into_its_photos(built, shared_dataset):
    finished = read_finished_stage(built.run / "findings", BuildFindings)
    assert finished is not None
    assert finished.record.judged == len(shared_dataset.validation) + len(shared_dataset.test)
    page = built.report.read_text(encoding="utf-8")
    assert page.index("Your photos") < page.index("One glance") and "edgetl inspect" in page


def test_failure_of_a_library_leaves_the_findings_out(pipeline, monkeypatch):
    def fail(work, request):
        raise StageError("cleanlab failed")

    fail.__module__, fail.__name__ = "edgetl.stages.pages.inspect", "inspect_photos"
    monkeypatch.setattr(stages.findings, "collect_build_findings", fail, raising=False)
    warnings = []
    monkeypatch.setattr(type(pipeline.context.console), "warn", lambda _, text: warnings.append(text))
    assert add_findings(pipeline) is None
    assert warnings == ["the report has no findings about the photos: cleanlab failed"]


def test_inspection_of_the_same_photos_is_shown_and_linked(run, add_inspection, shared_dataset):
    with open_report(run, quiet=True) as context:
        assert read_findings(context, shared_dataset).inspected == ()
        add_inspection(context)
        findings = read_findings(context, shared_dataset)
        page = write_report(context).path.read_text(encoding="utf-8")
    assert findings.inspected and findings.link == "./../shapes-inspection/inspection.html"
    assert f'href="{findings.link}"' in page


def test_inspection_of_other_photos_is_not_shown(run, add_inspection, shared_dataset):
    with open_report(run, quiet=True) as context:
        add_inspection(context, train=shared_dataset.train[1:])
        assert read_findings(context, shared_dataset).inspected == ()
        assert read_findings(context, shared_dataset).built


def test_thumbnails_are_those_of_the_rows_of_all_photos(run, built, shared_dataset):
    with open_report(run, quiet=True) as context:
        findings = read_findings(context, shared_dataset)
        thumbnails = open_inspected_thumbnails(context, findings, (shared_dataset, built.trained.input))
        for bad in findings.bad_photos[:1]:
            assert thumbnails.make(bad.row, 16).startswith("data:image/webp")


def test_findings_are_kept_as_json(run):
    content = json.loads((run / "findings" / "findings.json").read_text(encoding="utf-8"))
    assert content["record"]["judged"] > 0
