"""Trials of recipes are kept as JSON, and judged in pairs on the same test photos."""

import math

import numpy as np
import pytest

from edgetl.core.errors import ConfigError
from tools.recipe_trials import Trial, TrialPlan, judge_gain, merge_tables, pair_trials, read_trial


def make_trial(right, *, data="a", recipe="default", seed=1):
    correct = {"test": {f"{number}": bool(value) for number, value in enumerate(right)}}
    return Trial(
        plan=TrialPlan(data=data, recipe=recipe, seed=seed),
        validation_accuracy=0.9,
        training_s=10,
        correct=correct,
        machine="m",
    )


def test_written_trial_is_read_back(tmp_path):
    trial = make_trial([1, 0, 1])
    path = trial.plan.locate(tmp_path)
    trial.write(path)
    assert path.name == "a.default.1.json" and read_trial(path) == trial


def test_other_files_are_errors(tmp_path):
    for text in ("", "{}", "[1]"):
        (tmp_path / "x.json").write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="not the result of a trial"):
            read_trial(tmp_path / "x.json")


def test_pairs_have_the_same_data_and_seed():
    before = [make_trial([1], seed=seed, data=data) for data in "ab" for seed in (1, 2)]
    after = [make_trial([1], seed=2, data="b"), make_trial([1], seed=3, data="a"), make_trial([1], seed=1, data="a")]
    pairs = pair_trials(before, after)
    assert [(one.plan, other.plan) for one, other in pairs] == [
        (before[0].plan, after[2].plan),
        (before[3].plan, after[0].plan),
    ]


def test_gain_and_bound_of_one_seed_are_those_of_paired_proportions():
    # 100 photos: 7 fixed, 3 broke.
    before = make_trial([1] * 83 + [0] * 7 + [1] * 3 + [0] * 7)
    after = make_trial([1] * 83 + [1] * 7 + [0] * 3 + [0] * 7)
    judged = judge_gain([(before, after)])
    assert (judged.photos, judged.trials, judged.before, judged.after) == (100, 1, 0.86, pytest.approx(0.9))
    assert judged.gain == pytest.approx(0.04)
    differences = np.array([0] * 83 + [1] * 7 + [-1] * 3 + [0] * 7)
    assert judged.bound == pytest.approx(0.04 - 1.6449 * differences.std(ddof=1) / 10, abs=1e-5)


def test_further_seeds_of_the_same_photos_are_no_further_photos():
    pair = (make_trial([1] * 90 + [0] * 10), make_trial([1] * 95 + [0] * 5))
    again = (make_trial([1] * 90 + [0] * 10, seed=2), make_trial([1] * 95 + [0] * 5, seed=2))
    one, two = judge_gain([pair]), judge_gain([pair, again])
    assert (one.photos, two.photos, two.trials) == (100, 100, 2)
    assert two.bound == pytest.approx(one.bound)


def test_photos_of_several_sets_are_pooled():
    first = (make_trial([0] * 10), make_trial([1] * 10))
    second = (make_trial([1] * 30, data="b"), make_trial([1] * 30, data="b"))
    assert judge_gain([first, second]).gain == pytest.approx(0.25)


def test_one_photo_has_no_bound():
    assert judge_gain([(make_trial([0]), make_trial([1]))]).bound == -math.inf


def test_other_test_photos_are_an_error():
    with pytest.raises(ConfigError, match="different test photos"):
        judge_gain([(make_trial([1, 0]), make_trial([1]))])


def test_tables_are_merged_key_by_key():
    assert merge_tables({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}, "b": {"z": 4}}) == {
        "a": {"x": 1, "y": 3},
        "b": {"z": 4},
    }
