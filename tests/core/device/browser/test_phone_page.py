"""The page for programs on phones, and the raw files, follow from model.json."""

import copy

import numpy as np
import pytest

from edgetl.core.device.browser.phone_page import OUTPUTS, PAGE, PIXELS, describe_phone_program, write_phone_files

FACTS = {
    "model": "model.tflite",
    "input": {
        "dtype": "uint8",
        "shape": [1, 24, 32, 3],
        "scale": 1.0,
        "zero_point": 0,
        "height_px": 24,
        "width_px": 32,
        "fit": "crop",
    },
    "output": {
        "dtype": "uint8",
        "shape": [1, 2],
        "scale": 0.00390625,
        "zero_point": 0,
        "activation": "softmax",
        "labels": ["cat", "dög"],
    },
    "tolerances": {"output": 1},
    "golden": ["golden/0_cat.jpg"],
}


@pytest.mark.parametrize(
    ("fit", "words"), [("crop", "h * 32 / 24 wide"), ("stretch", "whatever"), ("pad", "black bars")]
)
def test_page_has_the_facts_of_the_model(fit, words):
    facts = copy.deepcopy(FACTS)
    facts["input"]["fit"] = fit
    page = describe_phone_program(facts)
    assert words in page and "to 32 x 24" in page and "[1, 24, 32, 3]" in page
    assert "(value - 0) * 0.00390625" in page and '["cat", "dög"]' in page
    assert "none of these" not in page and "2304 bytes each" in page
    assert "`model.tflite` runs on LiteRT." in page
    # Scale 1 and zero point 0 need no sentence.
    assert "A value of 0..255 becomes" not in page


def test_page_of_another_format_names_its_runtime():
    assert "`model.onnx` runs on onnxruntime." in describe_phone_program({**FACTS, "model": "model.onnx"})


def test_page_has_the_thresholds():
    answers = {"reference": "features.npy", "least_similarities": {"cat": 0.5}, "least_probability": 0.9}
    page = describe_phone_program({**FACTS, "answers": answers})
    assert '{"cat": 0.5}' in page and "below a probability of 0.9" in page
    several = {**FACTS, "output": {**FACTS["output"], "thresholds": [0.25, 0.75]}}
    assert "[0.25, 0.75]" in describe_phone_program(several)


def test_raw_files_are_the_arrays_with_the_lowest_byte_first():
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    outputs = np.array([[1.0, 0.5]], ">f4")
    files = write_phone_files(FACTS, pixels, outputs)
    assert set(files) == {PAGE, PIXELS, OUTPUTS}
    assert files[PIXELS] == bytes(range(12))
    assert np.frombuffer(files[OUTPUTS], "<f4").tolist() == [1.0, 0.5]
