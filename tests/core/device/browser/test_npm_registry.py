"""The address of the registry follows npm's configuration; downloads fail with a sentence."""

import subprocess

import pytest

from edgetl.core.device.browser import npm_registry
from edgetl.core.errors import ConfigError
from tests.fixtures.npm import PACKAGE


@pytest.mark.parametrize("variable", npm_registry.VARIABLES)
def test_environment_names_the_registry(variable):
    assert npm_registry.find_registry({variable: "http://mirror.example/npm/"}) == "http://mirror.example/npm"


def test_configuration_of_npm_names_the_registry(monkeypatch):
    answers = iter(
        [(0, "https://mirror.example/\n"), (1, "")],
    )
    monkeypatch.setattr(npm_registry.shutil, "which", lambda _: "/usr/bin/npm")
    monkeypatch.setattr(
        npm_registry.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, *next(answers))
    )
    assert npm_registry.find_registry({}) == "https://mirror.example"
    # npm failed.
    assert npm_registry.find_registry({}) == npm_registry.STANDARD_REGISTRY


def test_registry_is_the_standard_one_without_npm(monkeypatch):
    monkeypatch.setattr(npm_registry.shutil, "which", lambda _: None)
    assert npm_registry.find_registry({}) == npm_registry.STANDARD_REGISTRY


def test_address_that_is_not_one_of_the_web_is_an_error():
    with pytest.raises(ConfigError, match="which is not an address of the web"):
        npm_registry.find_registry({"NPM_CONFIG_REGISTRY": "file:///etc"})


def test_archive_address_has_the_scope_only_once():
    assert npm_registry.make_archive_address("https://r", PACKAGE) == "https://r/@scope/a/-/a-1.2.3.tgz"


def test_missing_network_is_an_error_with_two_ways_out(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    # Port 9 is "discard", which nothing listens on.
    with pytest.raises(ConfigError, match="could not be downloaded: ") as error:
        npm_registry.download_archive("http://127.0.0.1:9/a.tgz")
    assert "edgetl fetch browser where there is a network" in error.value.hint
