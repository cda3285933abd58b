"""networks.py: the table's claims against Keras's own source, read as text, for Keras is slow to import."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from edgetl.core.network import base_table, bases

ROWS = list(base_table.BASES.values())


def keras_file(name: str) -> Path:
    spec = importlib.util.find_spec("keras")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "src" / name


def source(row: base_table.BaseNetwork) -> ast.Module:
    """The file of keras.applications that defines the row's builder."""
    for path in sorted(keras_file("applications").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == row.builder for node in tree.body):
            return tree
    raise AssertionError(f"Keras has no {row.builder}")


def sources(row: base_table.BaseNetwork) -> list[ast.Module]:
    """That file, and the one whose network it builds on: ResNetV2 is a ResNet."""
    tree = source(row)
    lent = [
        node.names[0].name for node in tree.body if isinstance(node, ast.ImportFrom) and node.names[0].name in LENDERS
    ]
    return [tree, *(ast.parse(keras_file(f"applications/{name}.py").read_text(encoding="utf-8")) for name in lent)]


LENDERS = {"resnet"}


def assigned(tree: ast.Module, name: str) -> list[ast.expr]:
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    ]


def texts(trees: list[ast.Module]) -> str:
    """Everything that Keras spells out, f-strings too, as `ast.unparse` writes it, with literal halves joined."""
    found = []
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            if isinstance(node, ast.JoinedStr):
                found.append(ast.unparse(node)[2:-1])
    return "\n".join(found)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_keras_builds_it(row):
    builder = next(node for node in source(row).body if isinstance(node, ast.FunctionDef) and node.name == row.builder)
    parameters = {argument.arg for argument in builder.args.args}
    assert {"input_tensor", "input_shape", "include_top", "weights"} <= parameters
    assert ("alpha" in parameters) == row.has_widths
    assert ("include_preprocessing" in parameters) == row.scaled_inside


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.name in ("mobilenet", "mobilenet_v2")], ids=lambda row: row.name
)
def test_the_weights_of_mobilenets_are_named_and_placed_as_keras_does(row):
    tree = source(row)
    built = [compile(ast.Expression(value), "keras", "eval") for value in assigned(tree, "model_name")]
    address = ast.literal_eval(assigned(tree, "BASE_WEIGHT_PATH")[0])
    spelt = dict(re.findall(r"alpha == ([\d.]+):\s+alpha_text = \"(\w+)\"", ast.unparse(tree).replace("'", '"')))
    otherwise = ast.literal_eval((assigned(tree, "alpha_text") or [ast.Constant("")])[-1])
    for alpha in row.alphas:
        file, url = bases.find_published_weights(row.name, alpha)
        text = next((text for width, text in spelt.items() if float(width) == alpha), otherwise)
        names = {eval(code, {"alpha": alpha, "alpha_text": text, "rows": row.weights_side_px}) for code in built}
        assert file in names and file.endswith("_no_top.h5")
        assert url == address + file


# How Keras puts the name of the file, or the last part of its address, together: what varies stands in braces.
SPELLINGS = {
    "mobilenet_v3_small": ("weights_mobilenet_v3_{model_name}_no_top_v2.h5", {"model_name": "small_224_1.0_float"}),
    "mobilenet_v3_large": ("weights_mobilenet_v3_{model_name}_no_top_v2.h5", {"model_name": "large_224_1.0_float"}),
    "efficientnet_v2_b0": ("_notop.h5", {}),
    **{
        f"resnet{depth}{version}": (
            "{weights_name}_weights_tf_dim_ordering_tf_kernels_notop.h5",
            {"weights_name": f"resnet{depth}{version[1:]}"},
        )
        for depth in (50, 101, 152)
        for version in ("", "_v2")
    },
}


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.name not in ("mobilenet", "mobilenet_v2")], ids=lambda row: row.name
)
def test_the_weights_are_named_and_placed_as_keras_does(row):
    file, url = bases.find_published_weights(row.name, 1.0)
    told = texts(sources(row))
    spelling, names = SPELLINGS.get(row.name, (file, {}))
    assert spelling in told
    assert file.endswith(spelling.format(**names))
    # What is put into the name, and the folder it lies in, are spelt out too.
    assert all(name in told for name in names.values())
    folder, last = url.rsplit("/", 1)
    assert f"{folder}/" in told
    assert last == file or last in told
    if row.name == "efficientnet_v2_b0":
        assert file.removesuffix("_notop.h5") in told


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_widths_and_sides_are_those_of_keras(row):
    trees = sources(row)
    nodes = [node for tree in trees for node in ast.walk(tree)]
    published = [
        ast.literal_eval(node.comparators[0])
        for node in nodes
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == "alpha"
        if isinstance(node.ops[0], ast.NotIn)
    ]
    assert published == ([list(row.alphas)] if row.has_widths else [])
    given = {
        (keyword.arg, keyword.value.value)
        for node in nodes
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in ("min_size", "default_size") and isinstance(keyword.value, ast.Constant)
    }
    told = texts(trees)
    # MobileNetV3 checks the side by itself.
    assert ("min_size", row.smallest_side_px) in given or f"at least {row.smallest_side_px}x" in told
    assert len({size for name, size in given if name == "min_size"}) <= 1
    sides = {value.value for tree in trees for value in assigned(tree, "rows") if isinstance(value, ast.Constant)}
    # The side whose weights Keras takes for every side that has none of its own.
    v3 = row.name.startswith("mobilenet_v3")
    assert row.weights_side_px in sides | {size for name, size in given if name == "default_size"} or (
        v3 and "Weights for input shape (224, 224)" in told
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_scaling_is_that_of_preprocess_input(row):
    tree = source(row)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "preprocess_input")
    modes = [
        keyword.value.value
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "mode" and isinstance(keyword.value, ast.Constant)
    ]
    # Those that scale inside pass photos through; tests/engines/test_scaling.py holds them against the network.
    assert modes == ([] if row.scaled_inside else [row.scaling])


def test_rows_are_complete():
    for name, row in base_table.BASES.items():
        assert name == row.name
        assert row.smallest_side_px <= row.default_side_px
        assert 1.0 in row.alphas and list(row.alphas) == sorted(row.alphas)
        assert 0.5 < row.published_top1 < 1 and row.parameters > 1e6
        assert row.weights_url.startswith("https://")
