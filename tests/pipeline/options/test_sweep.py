"""The options of a sweep are those of a build, but for the network, and the gates."""

from dataclasses import fields

from edgetl.pipeline.options import BuildOptions, SweepOptions, list_options, map_options


def test_every_option_has_a_description():
    assert all(option.help for _, _, option, _ in list_options(SweepOptions))


def test_what_sets_the_recipe_is_an_option_of_build_too():
    names = {name for name, _, option, _ in list_options(SweepOptions) if option.sets}
    assert names <= {field.name for field in fields(BuildOptions)}


def test_network_is_no_single_option():
    assert not {"base", "alpha", "side"} & {field.name for field in fields(SweepOptions)}
    assert ("base", "name") not in map_options(SweepOptions)
