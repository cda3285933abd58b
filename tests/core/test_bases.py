"""bases.py: the table's claims against Keras's own source, read as text, for Keras is slow to import; and refusals."""

import ast
import hashlib
import importlib.util
import re
from pathlib import Path

import pytest

from edgetl.core import bases
from edgetl.core.errors import ConfigError, MissingPackage

ROWS = list(bases.BASES.values())


def keras_file(name: str) -> Path:
    spec = importlib.util.find_spec("keras")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "src" / name


def source(row: bases.Base) -> ast.Module:
    return ast.parse(keras_file(f"applications/{row.name}.py").read_text(encoding="utf-8"))


def assigned(tree: ast.Module, name: str) -> list[ast.expr]:
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    ]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_keras_builds_it(row):
    builders = [node for node in source(row).body if isinstance(node, ast.FunctionDef) and node.name == row.builder]
    assert len(builders) == 1
    parameters = {argument.arg for argument in builders[0].args.args}
    assert {"input_shape", "alpha", "include_top", "weights", "pooling"} <= parameters


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_weights_are_named_and_placed_as_keras_does(row):
    tree = source(row)
    built = [compile(ast.Expression(value), "keras", "eval") for value in assigned(tree, "model_name")]
    address = ast.literal_eval(assigned(tree, "BASE_WEIGHT_PATH")[0])
    spelt = dict(re.findall(r"alpha == ([\d.]+):\s+alpha_text = \"(\w+)\"", ast.unparse(tree).replace("'", '"')))
    otherwise = ast.literal_eval((assigned(tree, "alpha_text") or [ast.Constant("")])[-1])
    for alpha in row.alphas:
        file, url = bases.published_weights(row.name, alpha)
        text = next((text for width, text in spelt.items() if float(width) == alpha), otherwise)
        names = {eval(code, {"alpha": alpha, "alpha_text": text, "rows": row.weights_side_px}) for code in built}
        assert file in names and file.endswith("_no_top.h5")
        assert url == address + file


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_widths_and_sides_are_those_of_keras(row):
    tree = source(row)
    published = [
        ast.literal_eval(node.comparators[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == "alpha"
        if isinstance(node.ops[0], ast.NotIn)
    ]
    assert published == [list(row.alphas)]
    assert {
        keyword.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "min_size" and isinstance(keyword.value, ast.Constant)
    } == {row.smallest_side_px}
    # The side whose weights Keras takes for every side that has none of its own.
    assert row.weights_side_px in [value.value for value in assigned(tree, "rows") if isinstance(value, ast.Constant)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_scaling_is_that_of_preprocess_input(row):
    function = next(
        node for node in source(row).body if isinstance(node, ast.FunctionDef) and node.name == "preprocess_input"
    )
    modes = [keyword.value for node in ast.walk(function) if isinstance(node, ast.Call) for keyword in node.keywords]
    assert row.scaling in [mode.value for mode in modes if isinstance(mode, ast.Constant)]


def test_rows_are_complete():
    for name, row in bases.BASES.items():
        assert name == row.name
        assert row.smallest_side_px <= row.default_side_px
        assert 1.0 in row.alphas and list(row.alphas) == sorted(row.alphas)
        assert 0.5 < row.published_top1 < 1 and row.parameters > 1e6
        assert row.weights_url.startswith("https://")


def test_what_is_refused():
    with pytest.raises(ConfigError, match="unknown base 'mobilenetv2'") as caught:
        bases.find("mobilenetv2")
    assert "mobilenet_v2" in caught.value.hint
    bases.check("mobilenet_v2", 32)
    with pytest.raises(ConfigError, match="at least 32 px, got 31"):
        bases.check("mobilenet_v2", 31)
    with pytest.raises(ConfigError, match=r"no ImageNet weights for alpha 0\.6") as caught:
        bases.published_weights("mobilenet_v2", 0.6)
    assert "0.35, 0.5, 0.75, 1.0, 1.3, 1.4" in caught.value.hint


def test_where_weights_lie(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    assert bases.weights_path("mobilenet_v2", 0.35, "imagenet") == tmp_path / "models" / file
    assert bases.weights_path("mobilenet_v2", 0.6, "none") is None
    assert bases.weights_path("mobilenet_v2", 0.6, "mine/w.h5") == Path("mine/w.h5")
    with pytest.raises(ConfigError):
        bases.weights_path("mobilenet_v2", 0.6, "imagenet")


def test_keras_home(monkeypatch, tmp_path):
    assert '"KERAS_HOME"' in keras_file("backend/config.py").read_text(encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert bases.keras_home() == tmp_path / ".keras"
    monkeypatch.setenv("KERAS_HOME", "")
    assert bases.keras_home() == tmp_path / ".keras"


def test_backend(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert bases.backend() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert bases.backend() == "jax"


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
            path = bases.weights_path(row.name, row.formula.alpha, "formula")
            assert path is not None and path.parents[1] == Path(bases.__file__).parents[1]
            content = path.read_bytes()
            assert hashlib.sha256(content).hexdigest() == row.formula.sha256 and len(content) <= 1_000_000


@pytest.mark.parametrize(("name", "alpha"), [("mobilenet_v2", 1.0), ("mobilenet", 0.25)])
def test_weights_that_the_package_does_not_have(name, alpha):
    with pytest.raises(ConfigError, match=f"no formula weights for {name} with alpha {alpha}") as caught:
        bases.weights_path(name, alpha, "formula")
    assert "mobilenet_v2 with alpha 0.35" in caught.value.hint
