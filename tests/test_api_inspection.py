"""`edgetl.inspect` has the options of the command line."""

import inspect as signatures

import pytest

import edgetl
from edgetl.api_inspection import InspectKeywords
from edgetl.core.errors import ConfigError
from edgetl.pipeline.options import InspectOptions, list_options

SMALL = {"base": "mobilenet", "alpha": 0.25, "side": 32, "weights": "none"}


def test_keywords_are_the_options_of_the_command_line():
    names = {name for name, _, _, _ in list_options(InspectOptions)}
    assert set(InspectKeywords.__annotations__) == names - {"photos"}
    assert set(signatures.signature(edgetl.inspect).parameters) == names | {"out", "quiet"}


def test_unknown_option_is_an_error(photos):
    with pytest.raises(ConfigError, match="unknown option 'epochs'"):
        edgetl.inspect(photos, epochs=3)


def test_photos_are_inspected(photos, tmp_path):
    inspected = edgetl.inspect(photos, out=tmp_path / "inspection", quiet=True, **SMALL)
    assert inspected.page.is_file() and inspected.suspects.is_file()
    assert len(inspected.photos) == sum(inspected.inspection.counts) == 120
