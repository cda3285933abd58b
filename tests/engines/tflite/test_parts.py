"""parts.py: values are gathered from the outputs of each photo, in the order of the photos."""

import numpy as np

from edgetl.engines.tflite import runtime
from edgetl.engines.tflite.parts import compute_part


def test_values_are_in_the_order_of_the_photos(tflite_files, photo_array, as_pixels):
    photos = as_pixels(photo_array)
    rows = []

    def gather(row, outputs):
        rows.append(row)
        return outputs[0][0]

    scores = compute_part(tflite_files["int8"].read_bytes(), photos, gather)
    expected = runtime.predict_file(tflite_files["int8"], photos, "xnnpack", lambda _: None).raw
    np.testing.assert_array_equal(scores, expected)
    assert sorted(rows) == list(range(len(photo_array)))
