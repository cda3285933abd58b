"""Files that the C files support."""

import pytest

from edgetl.core.errors import StageError


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("scores", {"dtype": "float32"}, "need scores in uint8, and the file has it in float32"),
        ("image", {"dtype": "int8"}, "need image in uint8"),
        ("image", {"scale": 0.5}, "need an input of raw pixels"),
    ],
)
def test_another_dtype_or_scale_is_an_error(make_contents, field, change, message):
    tensor = getattr(make_contents(), field).model_copy(update=change)
    with pytest.raises(StageError, match=message):
        make_contents(**{field: tensor})


def test_a_file_without_reference_has_no_features(make_contents):
    contents = make_contents()
    assert contents.features == 4
    assert make_contents(reference=contents.reference[:0]).features == 0
