"""An untrained network has the shape of the trained one."""

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import TrainingTables
from edgetl.core.records import InputSpec
from edgetl.stages.sweep.assemble import assemble_untrained

INPUT_SPEC = InputSpec(height_px=32, width_px=32, fit="crop")
BASE = {"name": "mobilenet", "alpha": 0.25, "side_px": 32}


@pytest.fixture
def assemble(make_work, shared_dataset):
    """Return a function that assembles a small network for the shared photos."""

    def run(dataset=shared_dataset, **head):
        recipe = resolve_recipe("default", {"base": BASE, "head": head})
        return assemble_untrained(make_work(), dataset, INPUT_SPEC, recipe.select(TrainingTables))

    return run


def test_network_has_random_weights_and_as_many_units_as_classes(assemble, shared_dataset):
    trained = assemble()
    assert trained.path.is_file() and trained.weights == "none" and not trained.phases
    assert trained.classes == shared_dataset.classes and not trained.thresholds
    assert trained.sha256 == next(iter(trained.contents().values()))


def test_several_labels_have_thresholds(assemble, shared_dataset):
    trained = assemble(shared_dataset.model_copy(update={"multi_label": True}))
    assert trained.threshold_values == (0.5,) * len(shared_dataset.classes)


def test_head_that_does_not_fit_is_refused(assemble):
    with pytest.raises(ConfigError, match="two classes"):
        assemble(activation="sigmoid")
