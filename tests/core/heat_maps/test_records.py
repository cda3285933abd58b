from pathlib import Path

import pytest

from edgetl.core.heat_maps.records import HeatMaps, MappedPhoto


def make(correlations):
    photos = tuple(
        MappedPhoto(row=row, kind="same", sampled=sampled, label=0, file_label=0, correlation=value)
        for row, (value, sampled) in enumerate(correlations)
    )
    facts = {"sha256": "", "trained_sha256": "", "artifact_sha256": "", "total": 9, "seed": 1, "changed": 0}
    return HeatMaps(path=Path("maps.npy"), photos=photos, **facts)


def test_only_the_sample_is_counted():
    record = make([(0.1, False), (0.8, True), (1.0, True), (0.6, True)])
    assert record.mean_correlation == pytest.approx(0.8)
    assert record.list_most_different(2) == (3, 1) and record.list_most_different(9) == (3, 1, 2)


def test_without_maps_there_is_no_mean():
    with pytest.raises(ValueError, match="no maps"):
        _ = make([]).mean_correlation
