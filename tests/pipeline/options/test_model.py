"""model.py: every option of photos, network and external models has a help that fits a line."""

import pytest

from edgetl.pipeline.options.model import ClassifierOptions, ExternalOptions, ModelOptions, PhotosOptions
from edgetl.pipeline.options.option import list_options


@pytest.mark.parametrize("group", [PhotosOptions, ModelOptions, ExternalOptions, ClassifierOptions])
def test_options_have_a_help_that_ends_a_sentence(group):
    for name, _, option, default in list_options(group):
        assert option.help.endswith(".") and len(option.help) < 130, name
        # An option that sets a recipe value is unset by default: then the recipe decides.
        assert option.sets is None or default is None
