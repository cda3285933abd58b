"""The summary for a pull request has the verdict and what changed, and names are text."""

from dataclasses import replace

from edgetl.core.pages.report_markdown import render_report_markdown
from edgetl.core.pages.thumbnails import Thumbnails
from edgetl.core.run.run_folder import stage_file_name
from edgetl.core.storage.files import write_json
from tests.fixtures.heat_maps import make_maps, write_maps
from tests.fixtures.reports import HOSTILE, Sample, change_verdict, make_report
from tests.fixtures.robustness import make_robustness, write_robustness


def test_summary_has_its_parts_in_order():
    run, target = make_report()
    text = render_report_markdown(run, [change_verdict(target, outcome="PASS")])
    parts = ["# edgetl: `<script>", "**PASS**: Keras predicts", "| accuracy |", "### The choice", "### Where accuracy"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places) and text.endswith("`edgetl report run`\n")


def test_every_change_is_listed_or_counted():
    run, target = make_report(Sample(photos=400, changed=0.3))
    text = render_report_markdown(run, [target])
    verdict = target.result.verdict
    assert f"### {verdict.broke} photos broke" in text and f"- and {verdict.broke - 20} more" in text
    assert sum(line.startswith("- `") for line in text.splitlines()) == 20 + min(20, verdict.fixed)


def test_hostile_names_are_in_code_spans_or_escaped():
    run, target = make_report(Sample(classes=HOSTILE, photos=200))
    for line in render_report_markdown(run, [target]).splitlines():
        # What is left without the code spans contains no markup of a stranger.
        rest = line
        for fence in ("``", "`"):
            pieces = rest.split(fence)
            rest = "".join(pieces[::2])
        assert "<" not in rest and "](" not in rest and "@" not in rest


def test_reason_of_an_attempt_makes_no_cell():
    run, target = make_report()
    rows = [line for line in render_report_markdown(run, [target]).splitlines() if line.startswith("| qat8")]
    assert len(rows) == 1 and rows[0].count("|") == 7 and "<b>" not in rows[0]


def test_labels_are_named():
    run, target = make_report(Sample(labels=True))
    text = render_report_markdown(run, [target])
    assert "decisions broke" in text and "label `circle`" in text


def test_several_targets_have_headings():
    run, target = make_report()
    other = replace(target, result=target.result.model_copy(update={"target": "onnx"}))
    text = render_report_markdown(run, [target, other])
    assert "## tflite" in text and "## onnx" in text
    assert "## tflite" not in render_report_markdown(run, [target])


def test_heat_maps_and_robustness_are_tables(tmp_path):
    run, target = make_report(Sample(classes=HOSTILE, photos=100))
    write_maps(target, tmp_path)
    robustness = make_robustness({"clean": (90, 0), "dark": (70, 9)})
    write_robustness(
        robustness.model_copy(update={"artifact_sha256": target.result.sha256}), tmp_path, target.result.target
    )
    text = render_report_markdown(replace(run, root=tmp_path, thumbnails=Thumbnails(None)), [target])
    maps, light = text.partition("### Where the models look")[2].split("### In bad light")
    assert "of 100 photos drawn at random" in maps and "<script" not in maps and "data:" not in text
    assert len([line for line in maps.splitlines() if line.startswith("|")]) == (2 + 3) * 2
    assert "| dark | 5 | 70.0% | 61.0% | -9.0 |" in light and "costs" in light


def test_model_without_heat_maps_has_the_reason(tmp_path):
    run, target = make_report()
    folder = tmp_path / "heatmaps-tflite"
    folder.mkdir()
    record, _ = make_maps(target, folder, reason="the head has a hidden layer")
    content = {"record": record.to_json(folder), "fingerprint": "", "seconds": 0}
    write_json(folder / stage_file_name(folder.name), content)
    text = render_report_markdown(replace(run, root=tmp_path), [target])
    assert "There are no heat maps of this model: the head has a hidden layer." in text
