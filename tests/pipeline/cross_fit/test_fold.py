"""One fold: its dataset replaces that of the order, and its errors name it."""

import pytest

from edgetl.core.errors import StageError
from edgetl.core.photos.dataset import replace_parts
from edgetl.pipeline.cross_fit.fold import Fold, FoldModel


@pytest.fixture
def swapped(shared_dataset):
    """The shared dataset with validation and test photos in place of each other."""
    return replace_parts(
        shared_dataset, train=shared_dataset.train, validation=shared_dataset.test, test=shared_dataset.validation
    )


def test_model_of_a_fold_has_its_photos_and_the_input_of_the_order(context, swapped, built):
    model = FoldModel(context, swapped, built.trained.input)
    assert model.dataset == swapped and model.input_spec == built.trained.input


def test_error_of_a_fold_names_it(context, swapped, built, delivered, watch_stage):
    def fail(_work, *_arguments):
        raise StageError("training diverged", hint="lower the rate")

    watch_stage("train.train_model", fail)
    fold = Fold(context, swapped, built.trained.input, 2, 5)
    with pytest.raises(StageError, match=r"^fold 2 of 5: training diverged") as caught:
        fold.score(context.order.targets[0], delivered.artifact)
    assert caught.value.hint == "lower the rate"
    # A failure is not kept, and the stages of the order stay.
    assert list((context.run.root / "folds-5" / "2").iterdir()) == []
    assert (context.run.root / "train").is_dir()
