from pathlib import Path

import pytest

from edgetl.core.rejection.records import AnswerCounts, AnswerHop, AnswerRule, ForeignCounts
from edgetl.core.rejection.selective import SelectiveThreshold

COUNTS = AnswerCounts(photos=40, known=36, answered=30, wrong=3, right_without=35)
RULE = AnswerRule(
    path=Path("/run/answers-tflite/features.npy"),
    sha256="a" * 64,
    artifact_sha256="b" * 64,
    rows=10,
    rejected_share=0.05,
    least_similarities={"rose": 0.6, "tulip": -1.0},
    selective=SelectiveThreshold(
        threshold=0.7,
        photos=50,
        answered=45,
        wrong=1,
        error_bound=0.1,
        error_limit=0.1,
        confidence=0.95,
        certified=True,
    ),
    own=COUNTS,
    far=(ForeignCounts(title="drawn images", photos=9, known=1, answered=0),),
    near=(),
    hops=(AnswerHop(name="float32 TFLite", photos=40, labels=30, unsure=6, none=4, same=40),),
)


def test_shares_are_fractions_of_all_photos_and_of_the_answers():
    assert COUNTS.rejected_share == pytest.approx(0.1) and COUNTS.error_share == pytest.approx(0.1)
    assert COUNTS.model_copy(update={"answered": 0, "wrong": 0}).error_share == 0.0


def test_rule_is_read_back_from_another_folder():
    stored = RULE.to_json(Path("/run/answers-tflite"))
    assert stored["path"] == "features.npy"
    moved = AnswerRule.from_json(stored, Path("/moved"))
    assert moved == RULE.model_copy(update={"path": Path("/moved/features.npy")})
    assert moved.contents() == {Path("/moved/features.npy"): "a" * 64}


def test_rule_without_the_newer_fields_is_read():
    stored = {
        key: value for key, value in RULE.to_json(Path("/run")).items() if key not in ("foreign", "hops", "known_curve")
    }
    rule = AnswerRule.from_json(stored, Path("/run"))
    assert rule.hops == rule.known_curve == ()
