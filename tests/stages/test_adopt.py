"""adopt.py: the peers' traps: normalised twice, BGR fed as RGB, labels in another order. Each is refused by name."""

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.recipe.tables import ExternalRecipe
from edgetl.core.records import InputSpec
from edgetl.engines.keras import model as keras_model
from edgetl.stages import adopt

keras = keras_model.keras
layers = keras.layers
SHAPE = InputSpec(side_px=32, fit="crop")
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def save(tmp_path_factory):
    """A model that tells the shapes by the strongest colour on x / 255, its outputs in the order of `classes`."""
    root = tmp_path_factory.mktemp("own")

    def make(*, inside=False, classes=(0, 1, 2), guesses=False):
        keras_model.reset_keras(1)
        image = keras.Input((32, 32, 3))
        value = layers.Rescaling(1 / 255)(image) if inside else image
        # Each output is one channel above half the light of the three, summed over the pixels.
        value = layers.Conv2D(3, 1, activation="relu", name="colours")(value)
        value = layers.GlobalAveragePooling2D()(value)
        model = keras.Model(image, layers.Dense(3, activation="softmax", name="scores")(value))
        kernel = np.full((1, 1, 3, 3), -1.0) + 2.2 * np.eye(3)
        model.get_layer("colours").set_weights([kernel, np.full(3, -0.1)])
        weights = np.zeros((3, 3)) if guesses else 40 * np.eye(3)[:, list(classes)]
        model.get_layer("scores").set_weights([weights, np.zeros(3)])
        path = root / f"{inside}{classes}{guesses}.keras".replace(" ", "")
        model.save(path)
        return str(path)

    return make


def adopted(dataset, folder, console=QUIET, **told):
    return adopt.adopt_external(ExternalRecipe(**told), dataset, SHAPE, folder, console=console)


def test_a_model_is_taken_as_it_is(save, shared_dataset, tmp_path):
    trained = adopted(shared_dataset, tmp_path, path=save(), scaling="0..1")
    assert (trained.base, trained.phases, trained.activation) == ("external", (), "softmax")
    assert "sha256" in trained.weights and trained.classes == shared_dataset.classes
    assert keras_model.load_model(trained.path).inputs[0].dtype == "uint8"
    assert adopt.inspect_external(ExternalRecipe(path=save())).side_px == 32


def test_scaling_must_be_said_unless_it_is_inside(save, shared_dataset, tmp_path):
    with pytest.raises(ConfigError, match="must be said"):
        adopted(shared_dataset, tmp_path, path=save())
    adopted(shared_dataset, tmp_path, path=save(inside=True))


def test_normalised_twice(save, shared_dataset, tmp_path):
    with pytest.raises(ConfigError, match="it would be done twice"):
        adopted(shared_dataset, tmp_path, path=save(inside=True), scaling="tf")


def test_bgr_fed_as_rgb(save, shared_dataset, tmp_path):
    for told in ({"path": save(), "scaling": "0..1-bgr"}, {"path": save(inside=True), "scaling": "none-bgr"}):
        with pytest.raises(ConfigError, match="not trained the way it is fed") as caught:
            adopted(shared_dataset, tmp_path, **told)
        assert caught.value.hint in ("say --scaling 0..1", "say --scaling none")


def test_labels_in_another_order(save, shared_dataset, tmp_path):
    path = save(classes=(2, 0, 1))
    with pytest.raises(ConfigError, match="not in the order circle, square, triangle") as caught:
        adopted(shared_dataset, tmp_path, path=path, scaling="0..1")
    fitting = caught.value.where[0].removeprefix("they fit ").split(", ")
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(fitting))
    trained = adopted(shared_dataset, tmp_path, path=path, scaling="0..1", labels=str(labels))
    straight = adopted(shared_dataset, tmp_path, path=save(), scaling="0..1")
    assert trained.classes == straight.classes


@pytest.mark.parametrize("names", ["circle\nsquare", "circle\nsquare\nround", "circle\ncircle\nsquare\ntriangle"])
def test_labels_that_are_not_the_folders(save, shared_dataset, tmp_path, names):
    labels = tmp_path / "labels.txt"
    labels.write_text(names)
    with pytest.raises(ConfigError, match="labels are not the names of the folders"):
        adopted(shared_dataset, tmp_path, path=save(), scaling="0..1", labels=str(labels))


def test_a_model_that_guesses_is_said_to(save, shared_dataset, tmp_path, capsys):
    adopted(shared_dataset, tmp_path, Console(), path=save(guesses=True), scaling="0..1")
    assert "as guessing would" in " ".join(capsys.readouterr().err.split())


def test_other_classes_than_the_photos_have(save, shared_dataset, tmp_path):
    two = shared_dataset.model_copy(update={"classes": shared_dataset.classes[:2]})
    with pytest.raises(ConfigError, match="tells 3 classes apart, the photos have 2"):
        adopted(two, tmp_path, path=save(), scaling="0..1")
