"""bases.py: inputs that a base does not support are refused, and the files of weights are located."""

import hashlib
import importlib.util
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError, MissingPackage
from edgetl.core.network import bases
from edgetl.core.network.base_table import BASES


def test_misspelt_base_has_a_suggestion():
    with pytest.raises(ConfigError, match="unknown base 'mobilenetv2'") as error:
        bases.find_base("mobilenetv2")
    assert "mobilenet_v2" in error.value.hint


def test_width_without_imagenet_weights_is_refused():
    with pytest.raises(ConfigError, match=r"no ImageNet weights for alpha 0\.6") as error:
        bases.find_published_weights("mobilenet_v2", 0.6)
    assert "0.35, 0.5, 0.75, 1.0, 1.3, 1.4" in error.value.hint


def test_imagenet_weights_are_in_the_cache_of_keras(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    assert bases.resolve_weights_path("mobilenet_v2", 0.35, "imagenet") == tmp_path / "models" / file
    with pytest.raises(ConfigError):
        bases.resolve_weights_path("mobilenet_v2", 0.6, "imagenet")


@pytest.mark.parametrize("weights", ["imagenet", "formula", "none"])
def test_named_weights_need_no_file_yet(monkeypatch, tmp_path, weights):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    bases.check_weights("mobilenet_v2", 0.35, weights)


@pytest.mark.parametrize(
    ("weights", "hint"),
    [
        ("imagnet", "did you mean --weights imagenet?"),
        ("ImageNet", "did you mean --weights imagenet?"),
        ("random", 'weights are "imagenet", "formula", "none", or a file (.h5, .weights.h5 or .npz)'),
        ("imagenet.h5", 'weights are "imagenet", "formula", "none", or a file (.h5, .weights.h5 or .npz)'),
    ],
)
def test_weights_that_do_not_exist_are_refused(tmp_path, weights, hint):
    # A recipe has absolute paths.
    with pytest.raises(ConfigError, match="no such weights file") as error:
        bases.check_weights("mobilenet_v2", 0.35, str(tmp_path / weights))
    assert error.value.where == (str(tmp_path / weights),) and error.value.hint == hint


def test_random_weights_have_no_file():
    assert bases.resolve_weights_path("mobilenet_v2", 0.6, "none") is None


def test_other_weights_are_a_path():
    assert bases.resolve_weights_path("mobilenet_v2", 0.6, "mine/w.h5") == Path("mine/w.h5")


def test_formula_weights_are_small_files_of_the_package_with_the_stated_hash():
    rows = [row for row in BASES.values() if row.formula is not None]
    assert rows
    for row in rows:
        path = bases.resolve_weights_path(row.name, row.formula.alpha, "formula")
        assert path is not None and path.parents[1] == Path(bases.__file__).parents[2]
        content = path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.formula.sha256 and len(content) <= 1_000_000


@pytest.mark.parametrize(("name", "alpha"), [("mobilenet_v2", 1.0), ("mobilenet", 0.25)])
def test_network_without_formula_weights_is_refused(name, alpha):
    with pytest.raises(ConfigError, match=f"no formula weights for {name} with alpha {alpha}") as error:
        bases.resolve_weights_path(name, alpha, "formula")
    assert "--base mobilenet_v2 --alpha 0.35" in error.value.hint


def test_cache_of_keras_is_that_of_its_environment_variable(monkeypatch, tmp_path):
    spec = importlib.util.find_spec("keras")
    assert spec is not None and spec.origin is not None
    source = (Path(spec.origin).parent / "src" / "backend" / "config.py").read_text(encoding="utf-8")
    assert '"KERAS_HOME"' in source
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert bases.locate_keras_home() == tmp_path


def test_cache_of_keras_is_in_the_home_folder_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert bases.locate_keras_home() == tmp_path / ".keras"
    monkeypatch.setenv("KERAS_HOME", "")
    assert bases.locate_keras_home() == tmp_path / ".keras"


def test_backend_is_that_of_the_environment_variable_or_tensorflow(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert bases.read_backend_name() == "tensorflow"
    bases.check_backend()
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert bases.read_backend_name() == "jax"


def test_backend_that_is_not_installed_is_refused_with_its_extra(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(bases, "find_spec", lambda _: None)
    with pytest.raises(MissingPackage) as error:
        bases.check_backend()
    assert "edgetl[jax]" in error.value.hint


def test_misspelt_backend_has_a_suggestion(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorfow")
    with pytest.raises(ConfigError) as error:
        bases.check_backend()
    assert "tensorflow" in error.value.hint
