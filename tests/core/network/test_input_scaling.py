"""input_scaling.py: values of --scaling, and the alternatives to a stated scaling."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.network.input_scaling import AFFINES, COMMON_SCALINGS, Affine, list_alternatives, parse_scaling


@pytest.mark.parametrize(
    ("text", "affine", "bgr"),
    [
        ("tf", AFFINES["tf"], False),
        ("tf-bgr", AFFINES["tf"], True),
        ("caffe", AFFINES["caffe"], True),
        ("caffe-bgr", AFFINES["caffe"], False),
        ("0.5,-1", Affine(0.5, -1.0), False),
        ("0.5,-1-bgr", Affine(0.5, -1.0), True),
        ("1,2,3,4,5,6", Affine((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), False),
    ],
)
def test_name_or_numbers_are_parsed(text, affine, bgr):
    scaling = parse_scaling(text)
    assert (scaling.name, scaling.affine, scaling.bgr) == (text, affine, bgr)


@pytest.mark.parametrize("text", ["", "tf2", "1", "1,2,3", "0,1", "1,nan", "1,inf", "1,0,1,0,0,0", "bgr", "a,b"])
def test_invalid_scaling_is_refused(text):
    with pytest.raises(ConfigError, match="scaling") as error:
        parse_scaling(text)
    assert "tf" in error.value.hint and "SCALE,OFFSET" in error.value.hint


@pytest.mark.parametrize("text", [*COMMON_SCALINGS, "tf-bgr", "0.5,0"])
def test_alternatives_differ_from_the_stated_scaling_and_can_be_stated(text):
    scaling = parse_scaling(text)
    alternatives = list_alternatives(scaling, built_in=False)
    assert scaling not in alternatives and alternatives[0].bgr != scaling.bgr
    assert [parse_scaling(alternative.name) for alternative in alternatives] == list(alternatives)


def test_only_alternative_to_a_built_in_scaling_is_the_other_channel_order():
    scaling = parse_scaling("none")
    assert list_alternatives(scaling, built_in=True) == list_alternatives(scaling, built_in=False)[:1]
