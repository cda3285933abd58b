"""The command fetch prints the folder and the sizes; an unknown name gets a suggestion."""

import json

import pytest

from edgetl import cli
from edgetl.core.device.browser import runtime_files
from edgetl.core.device.browser.npm_packages import RUNTIMES
from tests.fixtures.npm import PACKAGE, pack_archive


@pytest.fixture(autouse=True)
def small_runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://registry.example")
    fetch, read = runtime_files.fetch_runtime, runtime_files.read_runtime
    monkeypatch.setattr(runtime_files, "fetch_runtime", lambda *_: fetch((PACKAGE,), lambda _: pack_archive()))
    monkeypatch.setattr(runtime_files, "read_runtime", lambda *_: read((PACKAGE,)))


@pytest.mark.parametrize("name", RUNTIMES)
def test_fetch_prints_the_folder_and_the_files(capsys, name):
    assert cli.run(["fetch", name, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert set(record["files"]) == {"litert/a.js", "litert/a.wasm.gz"}
    assert record["folder"].endswith(runtime_files.locate_runtime((PACKAGE,)).name)


def test_unknown_runtime_gets_a_suggestion(capsys):
    assert cli.run(["fetch", "browsr"]) == 2
    assert "browser" in capsys.readouterr().err
