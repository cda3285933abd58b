"""verify: answers on disk become a verdict and a ledger; nothing is run, and what cannot be judged is refused."""

from hashlib import sha256

import numpy as np
import pytest

from edgetl.core.errors import StageError
from edgetl.core.evaluation import metrics
from edgetl.core.recipe.tables import ContractRecipe
from edgetl.core.records import Photo, Scores
from edgetl.stages.verify import Case, verify

CONTRACT = ContractRecipe(limit_drop=0.02, confidence=0.9, strict=False)
LABELS = [0, 0, 1, 1, 2, 2, 0, 1, 2, 0]


def photos_of(labels):
    return tuple(Photo(path=f"{row}.png", label=label, sha256=f"{row:064x}") for row, label in enumerate(labels))


@pytest.fixture
def kept(tmp_path):
    """Writes scores that name the given classes, or an array as it is, and gives their record."""

    def write(name, named, model="m" * 64):
        array = np.asarray(named, np.float32)
        if array.ndim == 1:
            array = np.eye(3, dtype=np.float32)[np.asarray(named)] * 0.8 + np.float32(0.2 / 3)
        path = tmp_path / f"{name}.npy"
        np.save(path, array)
        return Scores(
            path=path,
            sha256=sha256(path.read_bytes()).hexdigest(),
            model_sha256=model,
            part="test",
            kernels="litert-xnnpack",
            photos=len(array),
            accelerated=True,
            invoke_ms=1.25,
        )

    return write


def case(reference, artifact, **changes):
    facts = {
        "method": "int8",
        "photos": photos_of(LABELS),
        "classes": ("a", "b", "c"),
        "reference": reference,
        "artifact": artifact,
    }
    return Case(**(facts | changes))


def test_the_verdict(kept):
    worse = [1, *LABELS[1:]]
    verdict = verify(case(kept("keras", LABELS), kept("int8", worse, "f" * 64)), CONTRACT)
    assert (verdict.method, verdict.artifact_sha256, verdict.part, verdict.host_ms) == ("int8", "f" * 64, "test", 1.25)
    assert (verdict.photos, verdict.broke, verdict.fixed, verdict.reference_accuracy) == (10, 1, 0, 1.0)
    assert verdict.accuracy == pytest.approx(0.9) and verdict.drop == pytest.approx(0.1)
    assert (verdict.limit_drop, verdict.confidence, verdict.hops) == (0.02, 0.9, ())
    assert [flip.path for flip in verdict.flips] == ["0.png"]


def test_the_ledger_stands_on_the_photos_that_every_step_has(kept):
    reference, artifact = kept("keras", LABELS), kept("int8", [1, *LABELS[1:]])
    rows = metrics.sample_evenly(len(LABELS), 4)
    few = kept("plain", [LABELS[row] for row in rows])
    steps = (("Keras", reference), ("reference kernels", few), ("XNNPACK", artifact))
    hops = verify(case(reference, artifact, steps=steps), CONTRACT).hops
    assert [(hop.name, hop.photos, hop.broke, hop.fixed) for hop in hops] == [
        ("Keras", 4, 0, 0),
        ("reference kernels", 4, 0, 0),
        ("XNNPACK", 4, 1, 0),
    ]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda array: array[:-1], id="a photo is missing"),
        pytest.param(lambda array: array[:, :2], id="a class is missing"),
        pytest.param(lambda array: array * np.nan, id="no numbers"),
    ],
)
@pytest.mark.parametrize("which", ["reference", "artifact"])
def test_answers_that_cannot_be_judged(kept, damage, which):
    good = np.eye(3, dtype=np.float32)[np.array(LABELS)]
    scores = {"reference": kept("keras", good), "artifact": kept("int8", good)}
    scores[which] = kept("bad", damage(good))
    with pytest.raises(StageError, match="the answers cannot be judged") as caught:
        verify(case(**scores), CONTRACT)
    assert caught.value.where == (str(scores["artifact"].path),)
