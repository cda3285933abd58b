"""The runtime is fetched once, checked each time it is read, and fetched again when it is damaged."""

import pytest

from edgetl.core.device.browser import runtime_files
from edgetl.core.device.browser.npm_packages import RUNTIMES
from edgetl.core.errors import ConfigError
from tests.fixtures.npm import PACKAGE, pack_archive


@pytest.fixture
def addresses(tmp_path, monkeypatch):
    """An empty cache, and the addresses that have been asked for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://registry.example")
    return []


def fetch(addresses):
    def download(address):
        addresses.append(address)
        return pack_archive()

    return runtime_files.fetch_runtime((PACKAGE,), download)


def test_runtime_is_downloaded_once_and_then_read_from_the_cache(addresses):
    folder = fetch(addresses)
    assert fetch(addresses) == folder
    assert addresses == ["https://registry.example/@scope/a/-/a-1.2.3.tgz"]
    assert set(runtime_files.read_runtime((PACKAGE,))) == {"litert/a.js", "litert/a.wasm.gz"}


def test_runtime_that_was_not_fetched_is_an_error_with_the_command(addresses):
    with pytest.raises(ConfigError, match="is not on this machine") as error:
        runtime_files.read_runtime((PACKAGE,))
    assert error.value.hint == "run edgetl fetch browser"
    assert not runtime_files.has_runtime()


@pytest.mark.parametrize("name", RUNTIMES)
def test_command_that_fetches_a_runtime_names_it(addresses, name):
    with pytest.raises(ConfigError) as error:
        runtime_files.read_runtime(RUNTIMES[name])
    assert error.value.hint == f"run edgetl fetch {name}"


def test_every_runtime_has_a_folder_of_its_own(addresses):
    folders = [runtime_files.locate_runtime(packages).name for packages in RUNTIMES.values()]
    assert len(set(folders)) == len(folders)
    assert sorted({folder.partition("-")[0] for folder in folders}) == ["litert", "onnx"]


def test_damaged_file_is_an_error_and_the_command_of_the_hint_repairs_it(addresses):
    folder = fetch(addresses)
    (folder / "litert" / "a.js").write_text("changed")
    with pytest.raises(ConfigError, match="changed since it was fetched"):
        runtime_files.read_runtime((PACKAGE,))
    fetch(addresses)
    assert len(addresses) == 2
    assert runtime_files.read_runtime((PACKAGE,))["litert/a.js"] == b'import x from "./x.js";'
