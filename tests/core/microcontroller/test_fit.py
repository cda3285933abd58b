"""Networks that fit into a memory, by estimate."""

import pytest

from edgetl.core.microcontroller.fit import NETWORKS, advise_network, count_flash_bytes, list_fitting


def test_the_estimate_at_another_side_is_near_the_measurement():
    # Measured: MobileNetV2 1.0 at 160 px records 920 736 bytes, and 0.35 at 64 px 134 080.
    arenas = {(row.base, row.alpha): row for row in NETWORKS}
    for alpha, side, recorded in ((1.0, 160, 920_736), (0.35, 64, 134_080)):
        row = arenas["mobilenet_v2", alpha]
        assert row.estimate_arena(side) == pytest.approx(recorded, rel=0.06)


def test_the_largest_side_that_fits_is_named():
    assert ("mobilenet", 0.25, 128) in list_fitting(196_608, 786_432, features=True)
    assert list_fitting(10_000, None, features=False) == []
    assert list_fitting(None, 100_000, features=False) == []


def test_features_take_flash():
    model_bytes = NETWORKS[0].model_bytes
    assert list_fitting(None, model_bytes, features=False) and not list_fitting(None, model_bytes, features=True)


def test_the_advice_can_be_typed():
    assert advise_network(196_608, 786_432, 256) == (
        "by estimate, these fit: --base mobilenet --alpha 0.25 --side 128 or --base mobilenet_v2 --alpha 0.35 --side 64"
    )
    assert "no network" in advise_network(1000, None, 0)


def test_reference_features_count_as_flash(built):
    artifact = built.targets[0].artifact
    assert count_flash_bytes(artifact.model_copy(update={"features": 0})) == artifact.bytes
    with_features = artifact.model_copy(update={"features": 8, "bytes": 1000})
    assert count_flash_bytes(with_features) == 1100
