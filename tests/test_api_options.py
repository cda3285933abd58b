"""Keywords become the fields of an options record, with its types; others are refused with a suggestion."""

import inspect
from pathlib import Path

import pytest

from edgetl.api_options import collect_options, make_options, show_options, to_path
from edgetl.core.errors import ConfigError
from edgetl.pipeline.options import BuildOptions, ClassifierOptions


def test_text_becomes_paths_and_one_target_a_list():
    options = collect_options(BuildOptions, "photos", {"target": "onnx", "target_dir": "mine", "model": "m.keras"})
    assert options.photos == Path("photos") and options.target == ["onnx"]
    assert options.target_dir == [Path("mine")] and options.model == Path("m.keras")
    assert make_options(ClassifierOptions, {}, {"labels": "l.txt"}).labels == Path("l.txt")
    assert to_path(None) is None and to_path("a") == Path("a")


def test_one_target_and_text_paths_are_accepted(tmp_path):
    options = collect_options(BuildOptions, str(tmp_path), {"target": "onnx", "target_dir": "t", "labels": "l.txt"})
    assert options == BuildOptions(photos=tmp_path, target=["onnx"], target_dir=[Path("t")], labels=Path("l.txt"))
    with pytest.raises(ConfigError, match="side must be a whole number"):
        collect_options(BuildOptions, None, {"side": 96.5})


@pytest.mark.parametrize(("name", "hint"), [("alhpa", "did you mean alpha"), ("photos", "known: ")])
def test_other_keywords_are_refused(name, hint):
    with pytest.raises(ConfigError, match=f"unknown option '{name}'"):
        collect_options(BuildOptions, None, {name: 1})


def test_whole_number_is_required_where_the_option_has_one():
    with pytest.raises(ConfigError, match=r"epochs must be a whole number, not 2\.5"):
        collect_options(BuildOptions, None, {"epochs": 2.5})


def test_signature_shows_the_options_in_place_of_the_keywords():
    @show_options(ClassifierOptions)
    def use(source, **options):
        """Nothing."""

    assert list(inspect.signature(use).parameters) == ["source", "method", "target", "labels", "fit"]
