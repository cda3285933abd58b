"""tables.py: tables are frozen and strict, and provide what the stages need."""

import pytest
from pydantic import ValidationError

from edgetl.core.errors import ConfigError
from edgetl.core.recipe.resolve import resolve_recipe
from edgetl.core.recipe.tables import (
    AugmentRecipe,
    BaseRecipe,
    ContractRecipe,
    ExternalRecipe,
    Recipe,
    RetrainingTables,
    RetrainRecipe,
    TrainingTables,
)
from edgetl.core.run.fingerprint import resolve_key


def test_recipe_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        resolve_recipe().phase1.epochs = 3


@pytest.mark.parametrize("values", [{"side_px": 96, "width": 1.0}, {"side_px": "96"}, {"side_px": 96, "alpha": 1e400}])
def test_unknown_keys_wrong_types_and_infinite_numbers_are_errors(values):
    with pytest.raises(ValidationError):
        BaseRecipe.model_validate(values)


def test_tables_have_docstrings_of_their_own():
    for name, field in Recipe.model_fields.items():
        assert field.annotation is not None and field.annotation.__doc__ != BaseRecipe.__base__.__doc__, name


def test_augmentation_is_on_if_any_of_its_parts_is():
    assert AugmentRecipe().on
    off = {"flip": False, "shift": 0.0, "zoom": 0.0, "brightness": 0.0}
    assert not AugmentRecipe(**off).on
    kinds = ("shift", "zoom", "brightness", "crop", "colour")
    for changes in ({"flip": True}, *({kind: 0.1} for kind in kinds)):
        assert AugmentRecipe(**{**off, **changes}).on


def test_compression_has_epochs_and_a_learning_rate_of_its_own():
    recipe = RetrainRecipe(epochs=1, compress_epochs=2, learning_rate_ratio=0.25, compress_learning_rate_ratio=0.5)
    assert [recipe.get_epochs(kind) for kind in ("qat", "prune", "cluster")] == [1, 2, 2]
    assert [recipe.get_learning_rate_ratio(kind) for kind in ("qat", "prune", "cluster")] == [0.25, 0.5, 0.5]


@pytest.mark.parametrize("group", [TrainingTables, RetrainingTables])
def test_selected_tables_are_those_of_the_recipe(group):
    recipe = resolve_recipe("classic")
    selected = recipe.select(group)
    assert isinstance(selected, group)
    assert all(getattr(selected, name) is getattr(recipe, name) for name in group.model_fields)


@pytest.mark.parametrize("group", [TrainingTables, RetrainingTables])
def test_other_limits_do_not_change_the_key_of_training_tables(group):
    recipe = resolve_recipe()
    changed = recipe.model_copy(update={"contract": ContractRecipe(limit_drop=0.5)})
    assert changed.select(group).key() == recipe.select(group).key()
    assert changed.key() != recipe.key()


def test_key_of_an_external_model_is_the_content_of_its_files(tmp_path):
    files = {}
    for name, content in (("m.keras", b"1"), ("moved.keras", b"1"), ("other.keras", b"2"), ("labels.txt", b"a\nb\n")):
        files[name] = str(tmp_path / name)
        (tmp_path / name).write_bytes(content)

    def key(name: str, **values: str) -> object:
        return resolve_key(ExternalRecipe(path=files[name], **values))

    assert key("m.keras") == key("moved.keras")
    keys = [
        key("m.keras"),
        key("other.keras"),
        key("m.keras", scaling="tf"),
        key("m.keras", labels=files["labels.txt"]),
    ]
    assert all(keys.count(value) == 1 for value in keys)


def test_one_sigmoid_unit_predicts_two_classes_only():
    sigmoid = resolve_recipe(flags={"head": {"activation": "sigmoid"}}).head
    sigmoid.check_classes(2)
    resolve_recipe().head.check_classes(6)
    with pytest.raises(ConfigError, match="one sigmoid unit predicts two classes, the photos have 6") as error:
        sigmoid.check_classes(6)
    assert error.value.hint == "use --activation softmax"
