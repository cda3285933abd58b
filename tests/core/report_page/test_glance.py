"""The first section says what happened, and what to do next."""

from dataclasses import replace

import pytest

from edgetl.core.report_page.glance import collect_glance, describe_outcome, list_facts, list_next_steps
from tests.fixtures.reports import Sample, change_verdict, make_report


@pytest.mark.parametrize(
    ("outcome", "headline"),
    [
        ("PASS", "int8 holds the contract"),
        ("FAIL", "int8 breaks the contract"),
        ("UNDECIDED", "int8 is undecided: more test photos are needed"),
    ],
)
def test_headline_is_the_outcome(outcome, headline):
    run, target = make_report()
    assert collect_glance(run, change_verdict(target, outcome=outcome))["headline"] == headline


def test_sentences_have_the_change_with_its_sign():
    _, target = make_report()
    verdict = change_verdict(target, drop=0.0123, drop_low=-0.002, drop_high=0.03, broke=1, fixed=2).result.verdict
    text = " ".join(describe_outcome(verdict))
    assert "by -1.23 points" in text and "between -3.00 and +0.20" in text and "allows a loss of 1." in text
    assert "1 photo broke" in text and "2 are fixed" in text


def test_undecided_verdict_names_the_photos_that_decide_it():
    _, target = make_report()
    undecided = change_verdict(target, outcome="UNDECIDED", photos_needed=12_345).result.verdict
    assert "About 12,345 more test photos would decide it." in describe_outcome(undecided)
    never = change_verdict(target, outcome="UNDECIDED", photos_needed=None).result.verdict
    assert not any("would decide" in sentence for sentence in describe_outcome(never))


def test_decisions_about_labels_are_no_photos():
    run, target = make_report(Sample(labels=True))
    glance = collect_glance(run, target)
    assert "180 decisions about 3 labels of 60 test photos" in glance["sentences"][0]
    assert "decisions are right" in glance["quality"] and glance["thing"] == "label"
    assert {shown["predicted"] for row in glance["classes"] for shown in row["wrong"]} <= {
        "not found",
        "found by mistake",
    }


def test_photos_of_a_class_are_its_own_and_the_wrong_ones_are_wrong():
    run, target = make_report(Sample(photos=300))
    for index, row in enumerate(collect_glance(run, target)["classes"]):
        assert row["name"] == run.classes[index] and row["photos"] == 100
        assert 0 < len(row["right"]) <= 3 and 0 < len(row["wrong"]) <= 4
        assert all(shown["label"] == row["name"] for shown in (*row["right"], *row["wrong"]))
        assert all(shown["predicted"] != row["name"] for shown in row["wrong"])


def test_class_without_test_photos_is_not_shown():
    run, target = make_report(Sample(without=1))
    assert [row["name"] for row in collect_glance(run, target)["classes"]] == ["circle", "square"]


def test_of_many_classes_the_worst_are_shown():
    run, target = make_report(Sample(classes=tuple(f"c{number}" for number in range(50)), photos=500))
    glance = collect_glance(run, target)
    assert len(glance["classes"]) == 12 and glance["classes_total"] == 50
    worst = sorted(row.recall for row in target.result.quality.per_class)[11]
    assert all(row["right_total"] / row["photos"] <= worst for row in glance["classes"])


def test_latency_on_a_device_is_that_of_this_file():
    _, target = make_report()
    devices = {"pi@a": {"a" * 64: 20.0}, "pi@b": {"b" * 64: 1.0}}
    facts = dict(list_facts(replace(target, result=target.result.model_copy(update={"device_ms": devices}))))
    assert facts["a photo on pi@a"] == "20.00 ms" and "a photo on pi@b" not in facts
    assert facts["size of the file"] == "640 kB"


def test_latency_that_was_not_measured_is_not_shown():
    _, target = make_report()
    assert not any(title.startswith("a photo") for title, _ in list_facts(change_verdict(target, host_ms=0.0)))


def test_next_steps_begin_with_what_is_wrong():
    run, target = make_report()
    changes = {"unmet": ("3 MB, over 2 MB",), "advice": ("add photos",), "next_file": "the next file is qat8"}
    failed = replace(target, result=target.result.model_copy(update=changes))
    steps = list_next_steps(run, change_verdict(failed, outcome="FAIL"))
    assert [sentence.split(":")[0] for sentence, _ in steps[:4]] == [
        "The file exceeds a limit of the target",
        "Do not use this file where the limit matters",
        "Take another file",
        "To decide the verdict",
    ]
    assert [command for _, command in steps[4:]] == ["edgetl inspect run", "edgetl demo run", "edgetl bench run"]


def test_next_file_is_named_only_where_this_one_does_not_do():
    run, target = make_report()
    target = replace(target, result=target.result.model_copy(update={"next_file": "the next file is qat8"}))
    for outcome in ("PASS", "UNDECIDED"):
        steps = list_next_steps(run, change_verdict(target, outcome=outcome))
        assert not any("qat8" in sentence for sentence, _ in steps)


def test_step_without_its_command_is_left_out():
    run, target = make_report()
    steps = list_next_steps(replace(run, commands={"demo": "edgetl demo run"}), target)
    assert [command for _, command in steps if command] == ["edgetl demo run"]


def test_bundle_with_another_file_is_named():
    run, target = make_report()
    assert collect_glance(run, replace(target, bundled="float32"))["bundled"] == "float32"
    assert collect_glance(run, replace(target, bundled="int8"))["bundled"] == ""
