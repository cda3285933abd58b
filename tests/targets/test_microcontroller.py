"""The C files for microcontrollers: no warnings, the bytes of pixels.py, and the answers of answers.py."""

import ctypes

import numpy as np
import pytest
from PIL import Image

from edgetl.core.device.answer_facts import load_answer_program
from edgetl.core.microcontroller.golden_files import draw_frame, hash_bytes
from edgetl.core.photos import pixels
from tests.targets.microcontroller_library import Settings, compile_library

LABELS = ("bus", "car", "tram")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compile_library(tmp_path_factory.mktemp("c99"))


def make_sizes(count, seed=0):
    """Draw sizes of frames and of results: squares and others, enlarged and reduced, one pixel wide, too."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        largest = 400 if random.random() < 0.25 else 60
        rows, columns = random.integers(1, 100, 2).tolist()
        size = (rows, rows) if random.random() < 0.5 else (rows, columns)
        frame = random.integers(0, 256, (*random.integers(1, largest, 2), 3), dtype=np.uint8)
        yield frame, size


@pytest.mark.parametrize("fit", pixels.FITS)
def test_resized_frames_have_the_bytes_of_pixels_py(library, fit):
    for frame, size in make_sizes(60):
        expected = pixels.fit_image(Image.fromarray(frame), *size, fit)
        np.testing.assert_array_equal(library.resize(frame, size, fit), expected)


@pytest.mark.slow
@pytest.mark.parametrize("fit", pixels.FITS)
def test_a_thousand_resized_frames_have_the_bytes_of_pixels_py(library, fit):
    for frame, size in make_sizes(1000, seed=1):
        expected = pixels.fit_image(Image.fromarray(frame), *size, fit)
        np.testing.assert_array_equal(library.resize(frame, size, fit), expected)


@pytest.mark.parametrize(
    ("fit", "shape"), [("crop", (240, 320)), ("pad", (320, 240)), ("crop", (96, 96)), ("stretch", (48, 1))]
)
def test_frames_of_cameras_and_of_one_row_are_resized(library, fit, shape):
    frame = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    expected = pixels.fit_image(Image.fromarray(frame), 96, 96, fit)
    np.testing.assert_array_equal(library.resize(frame, (96, 96), fit), expected)


@pytest.mark.parametrize(("pixel_format", "dtype"), [(1, ">u2"), (2, "<u2")])
def test_rgb565_is_read_in_both_byte_orders(library, pixel_format, dtype):
    values = np.random.default_rng(3).integers(0, 65536, (30, 40))
    red, green, blue = values >> 11, values >> 5 & 63, values & 31
    rgb = np.stack([red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2], axis=-1).astype(np.uint8)
    frame = np.ascontiguousarray(values.astype(dtype)).view(np.uint8).reshape(30, 40, 2)
    expected = pixels.fit_image(Image.fromarray(rgb), 24, 24, "crop")
    np.testing.assert_array_equal(library.resize(frame, (24, 24), "crop", pixel_format), expected)


def test_files_are_valid_cplusplus_too(tmp_path):
    compiled = compile_library(tmp_path, "g++", ("-x", "c++", "-std=c++17"))
    assert compiled.hash_bytes(b"edgetl") == hash_bytes(b"edgetl")


def test_the_drawn_frame_and_its_hash_are_those_of_the_build(library):
    frame = draw_frame(16, 12)
    np.testing.assert_array_equal(library.draw_frame(16, 12), frame)
    assert library.hash_bytes(frame.tobytes()) == hash_bytes(frame.tobytes())
    # The hash of no bytes, and of "foobar". Source: RFC 9923, test vectors of 32 bits.
    assert (library.hash_bytes(b""), library.hash_bytes(b"foobar")) == (0x811C9DC5, 0xBF9CF968)


class Model:
    """Settings in C, and the same as facts of answers.py."""

    def __init__(self, labels, units, *, thresholds=None, reference=None, least=0.75, similarity=0.5):
        self.labels = labels
        self._names = (ctypes.c_char_p * len(labels))(*(label.encode() for label in labels))
        self._thresholds = None if thresholds is None else np.float64(thresholds)
        self._similarities = np.full(len(labels), similarity)
        self._reference = reference
        self.facts = {
            "output": {"labels": list(labels), **({} if thresholds is None else {"thresholds": thresholds})},
            "answers": {
                "least_similarities": dict.fromkeys(labels, similarity),
                **({} if thresholds is not None else {"least_probability": least}),
            },
        }
        self.settings = Settings(
            labels=len(labels),
            names=ctypes.cast(self._names, ctypes.c_void_p),
            units=units,
            output_scale=1 / 256,
            output_zero_point=0,
            label_thresholds=None if thresholds is None else self._thresholds.ctypes.data,
            least_probability=0.0 if thresholds is not None else least,
            least_similarities=None if reference is None else self._similarities.ctypes.data,
            references=0 if reference is None else len(reference),
            features=0 if reference is None else reference.shape[1],
            features_zero_point=-128,
            reference=None if reference is None else reference.ctypes.data,
        )

    def answer(self, outputs, features):
        """Answer with answers.py."""
        scores = outputs.astype(np.float32) * np.float32(1 / 256)
        if len(scores) == 1 and len(self.labels) == 2:
            scores = np.float32([1 - scores[0], scores[0]])
        program = load_answer_program().Thresholds(self.facts, self._reference)
        values = None if features is None else (features.astype(np.float32) + 128) * np.float32(0.02)
        return program.answer(dict(zip(self.labels, map(float, scores), strict=True)), values)


@pytest.mark.parametrize(("labels", "units"), [(LABELS, 3), (LABELS[:2], 2), (LABELS[:2], 1), (LABELS[:1], 1)])
@pytest.mark.parametrize("has_features", [True, False])
def test_answers_are_those_of_answers_py(library, labels, units, has_features):
    random = np.random.default_rng(4)
    reference = random.integers(-128, 128, (6, 40), dtype=np.int8) if has_features else None
    model = Model(labels, units, reference=reference, similarity=0.1)
    kinds = set()
    for trial in range(200):
        outputs = random.integers(0, 256, units, dtype=np.uint8)
        if trial % 4 == 0:
            # Equal probabilities: the first label counts.
            outputs[:] = 128 if trial % 8 else 200
        features = random.integers(-128, 128, 40, dtype=np.int8) if has_features else None
        answer, expected = library.decide(model.settings, outputs, features), model.answer(outputs, features)
        assert labels[answer.label] == expected.label and labels[answer.second] == expected.second
        assert answer.probability == np.float32(expected.probability)
        assert answer.similarity == pytest.approx(expected.similarity, abs=1e-5)
        assert (bool(answer.known), bool(answer.accepted)) == (expected.known, expected.accepted)
        kinds.add((answer.known, answer.accepted))
    assert kinds == {(1, 0), (1, 1)} | ({(0, 0)} if has_features else set())


def test_a_photo_has_each_label_that_reaches_its_threshold(library):
    model = Model(LABELS, 3, thresholds=[0.5, 0.25, 0.75])
    outputs = np.uint8([128, 63, 192])
    assert [library.has_label(model.settings, outputs, label) for label in range(3)] == [1, 0, 1]


def test_features_of_zeros_are_similar_to_nothing(library):
    reference = np.full((2, 8), 100, np.int8)
    model = Model(LABELS, 3, reference=reference)
    answer = library.decide(model.settings, np.uint8([250, 1, 1]), np.full(8, -128, np.int8))
    assert (answer.similarity, answer.known, answer.accepted) == (0.0, 0, 0)
