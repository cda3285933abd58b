"""base_network.py: a row states whether its network has a width multiplier."""

import pytest

from edgetl.core.network.base_network import BaseNetwork


@pytest.mark.parametrize(("alphas", "expected"), [((1.0,), False), ((0.5, 1.0), True)])
def test_network_with_several_widths_has_a_width_multiplier(alphas, expected):
    row = BaseNetwork(
        name="tiny",
        builder="Tiny",
        parameters=1,
        published_top1=0.5,
        scaling="tf",
        alphas=alphas,
        weights_licence="MIT",
        weights_file="tiny.h5",
        weights_url="https://example.org/",
    )
    assert row.has_widths is expected
