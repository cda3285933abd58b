"""Scores on disk become a verdict and a ledger. Scores that cannot be judged are an error."""

from hashlib import sha256

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.core.records import Photo, Scores
from edgetl.stages.verify import Case, judge_case, verify_artifact

CONTRACT = ContractRecipe(limit_drop=0.02, confidence=0.9, strict=False)
LABELS = [0, 0, 1, 1, 2, 2, 0, 1, 2, 0]
PHOTOS = tuple(Photo(path=f"{row}.png", label=label, sha256=f"{row:064x}") for row, label in enumerate(LABELS))


@pytest.fixture
def save_scores(tmp_path):
    """Return a function that saves scores: predicted classes, or an array as it is."""

    def save(name, predicted, model_sha256="m" * 64):
        array = np.asarray(predicted, np.float32)
        if array.ndim == 1:
            array = np.eye(3, dtype=np.float32)[np.asarray(predicted)] * 0.8 + np.float32(0.2 / 3)
        path = tmp_path / f"{name}.npy"
        np.save(path, array)
        return Scores(
            path=path,
            sha256=sha256(path.read_bytes()).hexdigest(),
            model_sha256=model_sha256,
            part="test",
            kernels="litert-xnnpack",
            photos=len(array),
            accelerated=True,
            invoke_ms=1.25,
            disturbed=True,
        )

    return save


def make_case(reference, artifact, **changes):
    values = {"method": "int8", "photos": PHOTOS, "classes": ("a", "b", "c")}
    return Case(**{**values, "reference": reference, "artifact": artifact, **changes})


def test_verdict_compares_reference_and_artifact(save_scores):
    worse = [1, *LABELS[1:]]
    verdict = judge_case(make_case(save_scores("keras", LABELS), save_scores("int8", worse, "f" * 64)), CONTRACT)
    assert (verdict.method, verdict.artifact_sha256, verdict.part) == ("int8", "f" * 64, "test")
    assert (verdict.host_ms, verdict.host_disturbed) == (1.25, True)
    assert (verdict.photos, verdict.broke, verdict.fixed, verdict.reference_accuracy) == (10, 1, 0, 1.0)
    assert verdict.accuracy == pytest.approx(0.9) and verdict.drop == pytest.approx(0.1)
    assert (verdict.limit_drop, verdict.confidence, verdict.hops) == (0.02, 0.9, ())
    assert [flip.path for flip in verdict.flips] == ["0.png"]


def test_contract_of_the_recipe_decides_what_is_held(save_scores):
    worse = [1, *LABELS[1:]]
    case = make_case(save_scores("keras", LABELS), save_scores("int8", worse))
    balanced = CONTRACT.model_copy(update={"measure": "balanced"})
    verdict = judge_case(case, balanced)
    share = 1 / LABELS.count(LABELS[0])
    assert (verdict.measure, verdict.drop) == ("balanced", pytest.approx(share / len(set(LABELS))))


def test_stage_gives_the_same_verdict_and_writes_no_file(save_scores, work):
    case = make_case(save_scores("keras", LABELS), save_scores("int8", LABELS))
    assert verify_artifact(work, case, CONTRACT) == judge_case(case, CONTRACT)
    assert list(work.folder.iterdir()) == []


def test_hop_compares_the_photos_that_both_of_its_steps_cover(save_scores):
    reference, artifact = save_scores("keras", LABELS), save_scores("int8", [1, *LABELS[1:]])
    rows = metrics.sample_evenly(len(LABELS), 4)
    few = save_scores("few", [LABELS[row] for row in rows])
    steps = (("Keras", reference), ("XNNPACK", artifact), ("reference kernels", few))
    hops = judge_case(make_case(reference, artifact, steps=steps), CONTRACT).hops
    assert [(hop.name, hop.photos, hop.broke, hop.fixed) for hop in hops] == [
        ("Keras", len(LABELS), 0, 0),
        ("XNNPACK", len(LABELS), 1, 0),
        ("reference kernels", 4, 0, 1),
    ]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda array: array[:-1], id="a photo is missing"),
        pytest.param(lambda array: array[:, :2], id="a class is missing"),
        pytest.param(lambda array: array * np.nan, id="not numbers"),
    ],
)
@pytest.mark.parametrize("field", ["reference", "artifact"])
def test_scores_that_cannot_be_judged_are_an_error(save_scores, damage, field):
    good = np.eye(3, dtype=np.float32)[np.array(LABELS)]
    scores = {"reference": save_scores("keras", good), "artifact": save_scores("int8", good)}
    scores[field] = save_scores("bad", damage(good))
    with pytest.raises(StageError, match="the scores cannot be judged") as caught:
        judge_case(make_case(**scores), CONTRACT)
    assert caught.value.where == (str(scores["artifact"].path),)
