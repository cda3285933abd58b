"""shares: answers come back in photo order, whatever the number of photos and cores and whoever is first."""

import time

import numpy as np
import pytest

from edgetl.core import machine
from edgetl.core.parallel import ThreadPredictions, predict_in_parallel


@pytest.mark.parametrize("cores", [1, 2, 3, 7])
@pytest.mark.parametrize("photos", [1, 15, 16, 17, 50])
def test_answers_are_in_photo_order(monkeypatch, cores, photos):
    monkeypatch.setattr(machine, "count_cores", lambda: cores)
    called = []

    def answer(share):
        called.append(share)
        time.sleep(0.002 * (share[0][0] == 0))  # The first share ends last.
        return ThreadPredictions(
            [rows[:, None] * 2.0 for rows in share], [float(row) for rows in share for row in rows]
        )

    raw, median_ms = predict_in_parallel(photos, answer)
    assert np.array_equal(raw[:, 0], np.arange(photos) * 2.0)
    assert median_ms == pytest.approx((photos - 1) / 2)
    assert len(called) == min(cores, -(-photos // 16))


def test_what_goes_wrong_in_a_share_is_told():
    def answer(_):
        raise ValueError("no such model")

    with pytest.raises(ValueError, match="no such model"):
        predict_in_parallel(3, answer)
