"""Files of Keras 2 are loaded with their weights, whatever part of the network is in them."""

import pytest


def load(path: str) -> list[str]:
    import pathlib

    from edgetl.core.errors import ConfigError
    from edgetl.engines.keras2.load import load_keras2

    try:
        return [layer.name for layer in load_keras2(pathlib.Path(path)).layers]
    except ConfigError as error:
        return ["error", error.message, error.hint]


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_layers_have_the_names_of_the_file(keras2, keras2_files, suffix):
    names = keras2(load, keras2_files / f"flat{suffix}")
    assert "a/b" in names and len(names) == 7


@pytest.mark.parametrize(
    ("name", "match"), [("weights", "weights only"), ("lambda", "Lambda layer"), ("custom", "Gate")]
)
def test_file_that_cannot_be_used_is_an_error(keras2, keras2_files, name, match):
    error, message, hint = keras2(load, keras2_files / f"{name}.h5")
    assert error == "error" and match in message and hint
