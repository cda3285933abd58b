"""bases.py: what is refused, and where weights lie."""

import hashlib
import importlib.util
from pathlib import Path

import pytest

from edgetl.core.errors import ConfigError, MissingPackage
from edgetl.core.network import base_table, bases

ROWS = list(base_table.BASES.values())


def keras_file(name: str) -> Path:
    spec = importlib.util.find_spec("keras")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "src" / name


def test_what_is_refused():
    with pytest.raises(ConfigError, match="unknown base 'mobilenetv2'") as caught:
        bases.find_base("mobilenetv2")
    assert "mobilenet_v2" in caught.value.hint
    bases.check_base("mobilenet_v2", 32, 0.6)
    with pytest.raises(ConfigError, match="at least 32 px, got 31"):
        bases.check_base("mobilenet_v2", 31, 1.0)
    for name, least in (("xception", 71), ("inception_v3", 75), ("inception_resnet_v2", 75)):
        bases.check_base(name, least, 1.0)
        with pytest.raises(ConfigError, match=f"{name} needs photos of at least {least} px, got {least - 1}"):
            bases.check_base(name, least - 1, 1.0)
    with pytest.raises(ConfigError, match=r"resnet50 has no width multiplier: alpha must be 1\.0, got 0\.5") as caught:
        bases.check_base("resnet50", 224, 0.5)
    assert "mobilenet_v3_large" in caught.value.hint and "resnet" not in caught.value.hint
    with pytest.raises(ConfigError, match=r"no ImageNet weights for alpha 0\.6") as caught:
        bases.find_published_weights("mobilenet_v2", 0.6)
    assert "0.35, 0.5, 0.75, 1.0, 1.3, 1.4" in caught.value.hint


def test_where_weights_lie(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    assert bases.resolve_weights_path("mobilenet_v2", 0.35, "imagenet") == tmp_path / "models" / file
    assert bases.resolve_weights_path("mobilenet_v2", 0.6, "none") is None
    assert bases.resolve_weights_path("mobilenet_v2", 0.6, "mine/w.h5") == Path("mine/w.h5")
    with pytest.raises(ConfigError):
        bases.resolve_weights_path("mobilenet_v2", 0.6, "imagenet")


def test_keras_home(monkeypatch, tmp_path):
    assert '"KERAS_HOME"' in keras_file("backend/config.py").read_text(encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert bases.locate_keras_home() == tmp_path / ".keras"
    monkeypatch.setenv("KERAS_HOME", "")
    assert bases.locate_keras_home() == tmp_path / ".keras"


def test_backend(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert bases.read_backend_name() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert bases.read_backend_name() == "jax"


def test_a_backend_that_is_not_installed_names_what_brings_it(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(bases, "find_spec", lambda _: None)
    with pytest.raises(MissingPackage) as raised:
        bases.check_backend()
    assert "edgetl[jax]" in raised.value.hint


def test_a_misspelt_backend_is_named(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorfow")
    with pytest.raises(ConfigError) as raised:
        bases.check_backend()
    assert "tensorflow" in raised.value.hint


def test_the_default_backend_is_there(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    bases.check_backend()


def test_the_weights_of_the_package_are_small_whole_and_inside_it():
    for row in ROWS:
        if row.formula is not None:
            path = bases.resolve_weights_path(row.name, row.formula.alpha, "formula")
            assert path is not None and path.parents[1] == Path(bases.__file__).parents[1]
            content = path.read_bytes()
            assert hashlib.sha256(content).hexdigest() == row.formula.sha256 and len(content) <= 1_000_000


@pytest.mark.parametrize(("name", "alpha"), [("mobilenet_v2", 1.0), ("mobilenet", 0.25)])
def test_weights_that_the_package_does_not_have(name, alpha):
    with pytest.raises(ConfigError, match=f"no formula weights for {name} with alpha {alpha}") as caught:
        bases.resolve_weights_path(name, alpha, "formula")
    assert "mobilenet_v2 with alpha 0.35" in caught.value.hint
