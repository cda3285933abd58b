"""base_table.py: the rows are compared with Keras's source, which is read as text: importing Keras takes seconds."""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path

import pytest

from edgetl.core.network import bases
from edgetl.core.network.base_network import BaseNetwork
from edgetl.core.network.base_table import BASES

MOBILENETS = [row for row in BASES.values() if row.name in ("mobilenet", "mobilenet_v2")]
OTHERS = [row for row in BASES.values() if row not in MOBILENETS]
# Modules of keras.applications whose networks other modules build on.
SHARED_MODULES = {"resnet"}


def locate_keras_file(name: str) -> Path:
    spec = importlib.util.find_spec("keras")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "src" / name


@cache
def parse_application(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def parse_module(row: BaseNetwork) -> ast.Module:
    """Parse the module of keras.applications that defines the builder of a row."""
    for path in sorted(locate_keras_file("applications").glob("*.py")):
        tree = parse_application(path)
        if any(isinstance(node, ast.FunctionDef) and node.name == row.builder for node in tree.body):
            return tree
    raise AssertionError(f"Keras has no {row.builder}")


def parse_modules(row: BaseNetwork) -> list[ast.Module]:
    """Parse that module and the one that it builds on: ResNetV2 builds on ResNet."""
    tree = parse_module(row)
    imported = [node.names[0].name for node in tree.body if isinstance(node, ast.ImportFrom)]
    shared = [locate_keras_file(f"applications/{name}.py") for name in imported if name in SHARED_MODULES]
    return [tree, *map(parse_application, shared)]


def find_assigned(tree: ast.Module, name: str) -> list[ast.expr]:
    """Find the expressions that are assigned to a name."""
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name
    ]


def collect_strings(trees: list[ast.Module]) -> str:
    """Collect all strings and f-strings of some modules, one on each line. Adjacent literals are joined."""
    strings = []
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.append(node.value)
        if isinstance(node, ast.JoinedStr):
            strings.append(ast.unparse(node)[2:-1])
    return "\n".join(strings)


@pytest.mark.parametrize("row", BASES.values(), ids=lambda row: row.name)
def test_keras_has_a_builder_with_the_parameters_that_are_used(row):
    functions = [node for node in parse_module(row).body if isinstance(node, ast.FunctionDef)]
    builder = next(function for function in functions if function.name == row.builder)
    parameters = {argument.arg for argument in builder.args.args}
    assert {"input_tensor", "input_shape", "include_top", "weights"} <= parameters
    assert ("alpha" in parameters) == row.has_widths
    assert ("include_preprocessing" in parameters) == row.scaled_inside


@pytest.mark.parametrize("row", MOBILENETS, ids=lambda row: row.name)
def test_weights_of_mobilenets_have_the_file_name_and_address_of_keras(row):
    tree = parse_module(row)
    expressions = [compile(ast.Expression(value), "keras", "eval") for value in find_assigned(tree, "model_name")]
    address = ast.literal_eval(find_assigned(tree, "BASE_WEIGHT_PATH")[0])
    source = ast.unparse(tree).replace("'", '"')
    text_of_alpha = dict(re.findall(r"alpha == ([\d.]+):\s+alpha_text = \"(\w+)\"", source))
    default = ast.literal_eval((find_assigned(tree, "alpha_text") or [ast.Constant("")])[-1])
    for alpha in row.alphas:
        file, url = bases.find_published_weights(row.name, alpha)
        text = next((text for width, text in text_of_alpha.items() if float(width) == alpha), default)
        names = {eval(code, {"alpha": alpha, "alpha_text": text, "rows": row.weights_side_px}) for code in expressions}
        assert file in names and file.endswith("_no_top.h5")
        assert url == address + file


# How Keras composes the file name, or the last part of its address: f-string and values of its variables.
COMPOSITIONS = {
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


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: row.name)
def test_weights_of_other_networks_have_the_file_name_and_address_of_keras(row):
    file, url = bases.find_published_weights(row.name, 1.0)
    strings = collect_strings(parse_modules(row))
    template, variables = COMPOSITIONS.get(row.name, (file, {}))
    assert template in strings
    assert file.endswith(template.format(**variables))
    # The values of the variables and the folder are strings in the source too.
    assert all(value in strings for value in variables.values())
    folder, last = url.rsplit("/", 1)
    assert f"{folder}/" in strings
    assert last == file or last in strings
    if row.name == "efficientnet_v2_b0":
        assert file.removesuffix("_notop.h5") in strings


@pytest.mark.parametrize("row", BASES.values(), ids=lambda row: row.name)
def test_widths_and_sides_are_those_of_keras(row):
    trees = parse_modules(row)
    nodes = [node for tree in trees for node in ast.walk(tree)]
    published = [
        ast.literal_eval(node.comparators[0])
        for node in nodes
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and node.left.id == "alpha"
        if isinstance(node.ops[0], ast.NotIn)
    ]
    assert published == ([list(row.alphas)] if row.has_widths else [])
    sizes = {
        (keyword.arg, keyword.value.value)
        for node in nodes
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in ("min_size", "default_size") and isinstance(keyword.value, ast.Constant)
    }
    strings = collect_strings(trees)
    # MobileNetV3 checks the side in its own code.
    assert ("min_size", row.smallest_side_px) in sizes or f"at least {row.smallest_side_px}x" in strings
    assert len({size for name, size in sizes if name == "min_size"}) <= 1
    # The side of the weights that Keras uses for every side without weights.
    sides = {value.value for tree in trees for value in find_assigned(tree, "rows") if isinstance(value, ast.Constant)}
    sides |= {size for name, size in sizes if name == "default_size"}
    v3 = row.name.startswith("mobilenet_v3") and "Weights for input shape (224, 224)" in strings
    assert row.weights_side_px in sides or (v3 and row.weights_side_px == 224)


@pytest.mark.parametrize("row", BASES.values(), ids=lambda row: row.name)
def test_scaling_is_that_of_preprocess_input(row):
    functions = [node for node in parse_module(row).body if isinstance(node, ast.FunctionDef)]
    function = next(function for function in functions if function.name == "preprocess_input")
    modes = [
        keyword.value.value
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "mode" and isinstance(keyword.value, ast.Constant)
    ]
    # It does nothing for networks that contain their scaling; tests/engines/keras/test_rescaling.py compares these.
    assert modes == ([] if row.scaled_inside else [row.scaling])


def test_rows_are_consistent():
    for name, row in BASES.items():
        assert name == row.name
        assert row.smallest_side_px <= row.default_side_px
        assert 1.0 in row.alphas and list(row.alphas) == sorted(row.alphas)
        assert 0.5 < row.published_top1 < 1 and row.parameters > 1e6
        assert row.weights_url.startswith("https://")
