import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright")

from edgetl.core.device.host_latency import HostLatency
from edgetl.core.parallel import Predictions
from tools.measure_browser import compare_outputs, enlarge_photos, fit_growth


def test_growth_is_the_slope_of_the_second_half():
    counts = list(range(0, 2000, 100))
    # Caches fill in the first half.
    values = [5000 * count if count < 1000 else 7e6 + 3 * count for count in counts]
    slope, error = fit_growth(counts, values)
    assert slope == pytest.approx(3)
    assert error == pytest.approx(0, abs=1e-6)


def test_growth_of_noise_is_within_its_standard_error():
    noise = np.random.default_rng(2)
    slope, error = fit_growth(list(range(0, 4000, 100)), list(1e6 + noise.normal(0, 1000, 40)))
    assert abs(slope) < 3 * error


def test_photos_are_enlarged_into_jpeg_files(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (7, 5), (200, 10, 10, 255)).save(path)
    (large,) = enlarge_photos([path], 3, tmp_path)
    with Image.open(large) as photo:
        assert (photo.format, photo.size) == ("JPEG", (21, 15))
    assert enlarge_photos([path], 1, tmp_path) == [path]


def make_predictions(*rows):
    raw = np.array(rows, np.float32)
    return Predictions(raw=raw, scores=raw, latency=HostLatency(ms=1.0, disturbed=False), accelerated=True)


def test_outputs_are_equal_where_all_values_of_a_photo_are():
    host = make_predictions((0.25, 0.75), (0.5, 0.5), (0.75, 0.25))
    browser = make_predictions((0.25, 0.75), (0.375, 0.625), (0.625, 0.375))
    assert compare_outputs(browser, host) == {
        "photos": 3,
        "equal_outputs": 1,
        "same_label": 2,
        "largest_difference": 0.125,
    }
