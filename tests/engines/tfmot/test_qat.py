"""tfmot_qat.py: ranges start where the photos are, the training moves weights, and the start is kept if it was best."""


def test_ranges_come_from_the_photos(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot.qat import QatModel
from edgetl.engines.tfmot.keras2_model import build_keras2
import tf_keras
aware = QatModel(folding.folded(net), Held(), scaling, watch)
plain = build_keras2(net)
probe = tf_keras.Model(plain.model.input, [plain.layers[name].output for name in ("relu1", "relu3", "pooling")])
outputs = probe.predict_on_batch(np.asarray(aware.scaled(pixels)))
result = {
    "ranges": [aware._range(name) for name in ("relu1", "relu3", "pooling")],
    "seen": [[min(0.0, float(out.min())), float(out.max())] for out in outputs],
    "agree": float((aware.answers(Held()).argmax(1) == answers.argmax(1)).mean()),
    "far": float(np.abs(aware.answers(Held()) - answers).max()),
    "told": seen,
}
"""
    )
    for (low, high), (lowest, highest) in zip(found["ranges"], found["seen"], strict=True):
        assert abs(low - lowest) < 1e-4 and abs(high - highest) < 1e-4 * max(1, highest)
    # Were the ranges tfmot's -6..6, this would be guessing.
    assert found["agree"] >= 0.9 and 0 < found["far"] < 0.3
    assert found["told"][0] == ["calibrate", 30] and sum(step[0] for step in found["told"][1:]) == 30


def test_kernels_learn_with_the_rounding(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot.qat import QatModel
aware = QatModel(folding.folded(net), Held(), scaling, watch)
before = {name: aware._weights(name)[0] for name in aware._kernels()}
fitted = aware.fit(course(epochs=3), watch)
result = {
    "moved": {name: bool((before[name] != aware._weights(name)[0]).any()) for name in before},
    "score": [fitted.start_accuracy, fitted.accuracy, fitted.best_epoch],
}
"""
    )
    assert found["score"][1] >= found["score"][0]
    assert all(found["moved"].values()) == (found["score"][2] > 0) and len(found["moved"]) == 4


def test_photos_are_scaled_in_whole_steps_as_in_the_file(legacy, told):
    found = legacy(
        told
        + """
from edgetl.engines.tfmot.qat import QatModel
aware = QatModel(folding.folded(net), Held(), scaling, watch)
grays = np.repeat(np.uint8([0, 126, 127, 128, 129, 255]), 3).reshape(1, 1, 6, 3)
low, high = aware._scaling.range
result = np.round(np.asarray(aware.scaled(grays))[0, 0, :, 0] / ((high - low) / 255), 3).tolist()
"""
    )
    # 128 is 127.498 steps of a 127th above -1, and 127.502 where -1 is a whole number of the steps of the kernel.
    assert found == [-127, -1, 0, 1, 1, 127]
