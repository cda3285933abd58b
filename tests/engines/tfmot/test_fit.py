"""tfmot_fit.py: the best epoch wins, where it counts; the bar is told of every step."""


def test_it_learns_and_keeps_the_best(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot import fit as tfmot_fit
from edgetl.engines.tfmot.fit import FitHooks
from edgetl.engines.tfmot.keras2_model import build_keras2
made = build_keras2(net)
settled = []
made_course = course(epochs=4, learning_rate_ratio=1.0)
fitted = tfmot_fit.fit_model(made.model, made_course, watch, FitHooks(settle=lambda: settled.append(1)), what="qat")
scores = tfmot_fit.predict_batches(made.model, Held(), made_course.scaled)
epochs = [one for one in seen if hasattr(one, "epoch")]
result = {
    "start": fitted.start_accuracy,
    "best": fitted.accuracy,
    "epoch": fitted.best_epoch,
    "now": float((scores.argmax(1) == labels).mean()),
    "settled": len(settled),
    "begun": list(seen[0]),
    "steps": sum(one[0] for one in seen[1:] if isinstance(one, tuple)),
    "by_epoch": [one.validation_accuracy for one in epochs],
    "shape": list(scores.shape),
}
"""
    )
    assert found["begun"] == ["qat", 16] and found["steps"] == 16 and found["settled"] == 5
    assert found["best"] == found["now"] == max([found["start"], *found["by_epoch"]])
    assert [found["start"], *found["by_epoch"]][found["epoch"]] == found["best"]
    assert found["best"] > found["start"] and found["shape"] == [30, 3]


def test_an_epoch_that_does_not_count_cannot_win(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot import fit as tfmot_fit
from edgetl.engines.tfmot.fit import FitHooks
from edgetl.engines.tfmot.keras2_model import build_keras2
fitted = tfmot_fit.fit_model(build_keras2(net).model, course(epochs=3), watch, FitHooks(counts=lambda epoch: epoch == 1), what="prune")
result = [fitted.best_epoch, fitted.epochs]
"""
    )
    assert found == [1, 3]


def test_a_training_that_diverges(legacy, told):
    found = legacy(
        told
        + """
from edgetl.core.errors import StageError
from edgetl.engines.tfmot import fit as tfmot_fit
from edgetl.engines.tfmot.fit import FitHooks
from edgetl.engines.tfmot.keras2_model import build_keras2
model = build_keras2(net).model
# In the scores themselves: some processors rectify what is no number to 0.
scores = [layer for layer in model.layers if layer.weights][-1]
scores.set_weights([np.full_like(weight, np.nan) for weight in scores.get_weights()])
try:
    tfmot_fit.fit_model(model, course(epochs=2), watch, FitHooks(), what="qat")
except StageError as error:
    result = [error.message, error.hint]
"""
    )
    assert found[0] == "retraining diverged in epoch 1: the loss is no longer a number" and "[retrain]" in found[1]
