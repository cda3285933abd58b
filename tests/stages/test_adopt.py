"""A model made elsewhere: scaled twice, BGR used as RGB, or labels in another order are refused with the remedy."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.core.console import Console
from edgetl.core.errors import ConfigError
from edgetl.core.photos.dataset import replace_parts, use_model_classes
from edgetl.core.photos.pixel_store import open_pixels
from edgetl.core.recipe.tables import ExternalRecipe
from edgetl.core.records import ExternalModelInfo, InputSpec
from edgetl.engines.keras import model as keras_model
from edgetl.engines.keras.external import __main__ as child
from edgetl.stages import adopt as adopt_stage
from edgetl.stages.adopt import adopt_external, inspect_external

PARTS = ("train", "validation", "test")
keras = keras_model.keras
layers = keras.layers
INPUT_SPEC = InputSpec(height_px=32, width_px=32, fit="crop")


@pytest.fixture(scope="module")
def save_model(tmp_path_factory):
    """Return a function that saves a model made by hand: it classifies the shapes by their strongest colour.

    Its input is x / 255, or raw pixels where it scales itself. `classes` is the order of its outputs.
    """
    root = tmp_path_factory.mktemp("external")

    def save(*, scales=False, classes=(0, 1, 2), constant=False):
        keras_model.reset_keras(1)
        image = keras.Input((32, 32, 3))
        value = layers.Rescaling(1 / 255)(image) if scales else image
        # Each output is the excess of one channel over half the sum of all three, averaged over the pixels.
        value = layers.Conv2D(3, 1, activation="relu", name="colours")(value)
        value = layers.GlobalAveragePooling2D()(value)
        model = keras.Model(image, layers.Dense(3, activation="softmax", name="scores")(value))
        colours = np.full((1, 1, 3, 3), -1.0) + 2.2 * np.eye(3)
        model.get_layer("colours").set_weights([colours, np.full(3, -0.1)])
        weights = np.zeros((3, 3)) if constant else 40 * np.eye(3)[:, list(classes)]
        model.get_layer("scores").set_weights([weights, np.zeros(3)])
        path = root / f"{scales}{classes}{constant}.keras".replace(" ", "")
        model.save(path)
        return str(path)

    return save


@pytest.fixture
def adopt(make_work, shared_dataset):
    """Return a function that adopts a model for the photos of the shared run."""

    def run(console=None, dataset=shared_dataset, **external):
        return adopt_external(make_work(console), ExternalRecipe(**external), dataset, INPUT_SPEC)

    return run


def test_model_is_adopted_with_its_scaling_inside(save_model, adopt, shared_dataset):
    trained = adopt(path=save_model(), scaling="0..1")
    assert (trained.base, trained.phases, trained.activation) == ("external", (), "softmax")
    assert "sha256" in trained.weights and trained.classes == shared_dataset.classes
    assert keras_model.load_model(trained.path).inputs[0].dtype == "uint8"


def test_inspection_reads_the_size_of_the_input(save_model, work, monkeypatch):
    """That a process with limits does it is in tests/engines/keras/external/test_inspection.py."""
    monkeypatch.setattr(adopt_stage, "inspect_model", lambda path: ExternalModelInfo(**child.inspect_file(path)))
    info = inspect_external(work, Path(save_model()))
    assert (info.height_px, info.width_px, info.outputs) == (32, 32, 3)


def test_scaling_is_needed_unless_the_model_scales(save_model, adopt):
    with pytest.raises(ConfigError, match="--scaling is needed"):
        adopt(path=save_model())
    adopt(path=save_model(scales=True))


def test_scaling_twice_is_refused(save_model, adopt):
    with pytest.raises(ConfigError, match="it would be scaled twice"):
        adopt(path=save_model(scales=True), scaling="tf")


@pytest.mark.parametrize(
    # Without its scaling, the model predicts the same classes with higher confidence.
    ("scales", "scaling", "remedies"),
    [(False, "0..1-bgr", {"0..1", "none"}), (True, "none-bgr", {"none"})],
)
def test_swapped_colour_channels_are_refused(save_model, adopt, scales, scaling, remedies):
    with pytest.raises(ConfigError, match="does not match the model's training") as caught:
        adopt(path=save_model(scales=scales), scaling=scaling)
    assert caught.value.hint.removeprefix("use --scaling ") in remedies


def test_labels_in_another_order_are_refused_with_the_order_that_matches(save_model, adopt, shared_dataset, tmp_path):
    path = save_model(classes=(2, 0, 1))
    with pytest.raises(ConfigError, match=r"the output order circle, square, triangle does not match") as caught:
        adopt(path=path, scaling="0..1")
    names = caught.value.where[0].partition(" match ")[2].split(", ")
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(names))
    assert adopt(path=path, scaling="0..1", labels=str(labels)).classes == shared_dataset.classes


# The messages are in tests/core/label_files; that they reach the user, one test shows as well as four.
@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("circle\nsquare\nround", "no output is called 'triangle'"),
        *(
            pytest.param(names, message, marks=pytest.mark.slow)
            for names, message in (
                ("circle\nsquare", "2 names, the last one in line 2, and the model has 3 outputs"),
                ("circle\ncircle\nsquare\ntriangle", "4 names, the last one in line 4"),
                ("circle\ncircle\nsquare", "line 2: the name 'circle' is in line 1 already"),
            )
        ),
    ],
)
def test_labels_that_are_not_the_class_folders_are_refused(save_model, adopt, tmp_path, names, message):
    labels = tmp_path / "labels.txt"
    labels.write_text(names)
    with pytest.raises(ConfigError, match=message):
        adopt(path=save_model(), scaling="0..1", labels=str(labels))


def test_model_near_chance_is_adopted_with_a_warning(save_model, adopt, capsys):
    adopt(Console(), path=save_model(constant=True), scaling="0..1")
    assert "no more than chance" in " ".join(capsys.readouterr().err.split())


def test_outputs_without_photos_stay_and_their_order_is_that_of_the_labels(save_model, adopt, shared_dataset):
    """The photos have two of three classes: the dataset has the classes of the model, in the order of its outputs."""
    two = replace_parts(
        shared_dataset.model_copy(update={"classes": ("circle", "square")}),
        **{part: [photo for photo in shared_dataset.part(part) if photo.label < 2] for part in PARTS},
    )
    dataset = use_model_classes(two, ("triangle", "circle", "square"))
    trained = adopt(dataset=dataset, path=save_model(classes=(2, 0, 1)), scaling="0..1")
    assert trained.classes == ("triangle", "circle", "square")
    model = keras_model.load_model(trained.path)
    pixels = open_pixels([photo.sha256 for photo in dataset.train], INPUT_SPEC).rows(range(len(dataset.train)))
    predictions = model.predict_on_batch(pixels).argmax(axis=1)
    assert (predictions == [photo.label for photo in dataset.train]).mean() > 0.9 and model.outputs[0].shape[1] == 3


def test_other_number_of_classes_is_refused(save_model, adopt, shared_dataset):
    two = shared_dataset.model_copy(update={"classes": shared_dataset.classes[:2]})
    with pytest.raises(ConfigError, match="the model predicts 3 classes, the photos have 2"):
        adopt(dataset=two, path=save_model(), scaling="0..1")


@pytest.fixture(scope="module")
def save_sigmoids(tmp_path_factory):
    """Return a function that saves the model above with a sigmoid for each label."""
    root = tmp_path_factory.mktemp("sigmoids")

    def save(classes=(0, 1, 2)):
        keras_model.reset_keras(1)
        image = keras.Input((32, 32, 3))
        value = layers.Conv2D(3, 1, activation="relu", name="colours")(image)
        value = layers.GlobalAveragePooling2D()(value)
        model = keras.Model(image, layers.Dense(3, activation="sigmoid", name="scores")(value))
        model.get_layer("colours").set_weights([np.full((1, 1, 3, 3), -1.0) + 2.2 * np.eye(3), np.full(3, -0.1)])
        model.get_layer("scores").set_weights([60 * np.eye(3)[:, list(classes)], np.full(3, -1.0)])
        path = root / f"{classes}.keras".replace(" ", "")
        model.save(path)
        return str(path)

    return save


@pytest.fixture(scope="module")
def labelled_dataset(shared_dataset):
    """The photos of the shared run, each with its class as a label."""

    def label(photos):
        return tuple(
            photo.model_copy(update={"labels": tuple(int(photo.label == index) for index in range(3))})
            for photo in photos
        )

    parts = {part: label(shared_dataset.part(part)) for part in ("train", "validation", "test")}
    return shared_dataset.model_copy(update={**parts, "multi_label": True})


def test_model_with_a_sigmoid_for_each_label_is_adopted(save_sigmoids, adopt, labelled_dataset):
    trained = adopt(path=save_sigmoids(), scaling="0..1", dataset=labelled_dataset)
    assert trained.activation == "sigmoid" and [row.name for row in trained.thresholds] == list(trained.classes)
    assert [row.photos for row in trained.thresholds] == [
        sum(photo.labels[label] for photo in labelled_dataset.validation) for label in range(3)
    ]


def test_outputs_of_labels_in_another_order_are_refused(save_sigmoids, adopt, labelled_dataset):
    with pytest.raises(ConfigError, match=r"the output order .* does not match the photos") as error:
        adopt(path=save_sigmoids((1, 2, 0)), scaling="0..1", dataset=labelled_dataset)
    assert "--labels" in error.value.hint


def test_softmax_is_refused_for_several_labels(save_model, adopt, labelled_dataset):
    with pytest.raises(ConfigError, match="the probabilities of one class"):
        adopt(path=save_model(), scaling="0..1", dataset=labelled_dataset)
