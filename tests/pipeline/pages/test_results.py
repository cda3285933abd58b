"""The results of a build are kept in its run folder."""

from edgetl.core.run.build_results import RESULTS_STAGE, BuildResults
from edgetl.core.run.run_folder import read_finished_stage


def test_results_are_those_of_the_build(built, delivered):
    results = read_finished_stage(built.run / RESULTS_STAGE, BuildResults).record
    assert (results.trained_sha256, results.dataset_sha256) == (built.trained.sha256, built.trained.dataset_sha256)
    (target,) = results.targets
    assert (target.target, target.method, target.sha256) == ("tflite", "int8", delivered.artifact.sha256)
    assert target.verdict == delivered.verdict and target.quality == delivered.quality
    assert [attempt.method for attempt in target.attempts] == [attempt.method for attempt in delivered.attempts]
    assert target.attempts[0].validation.flips == ()
    assert target.scores_stages == ("score-keras-test", "score-tflite-int8-xnnpack-test")
    assert results.versions["numpy"] and results.versions[built.trained.backend]


def test_two_targets_have_results_and_an_agreement(built_both):
    results = read_finished_stage(built_both.run / RESULTS_STAGE, BuildResults).record
    assert [target.target for target in results.targets] == ["tflite", "onnx"]
    assert results.agreements[0].startswith("tflite and onnx decide alike for ")
