"""Archives of npm: only the pinned one is unpacked, and only the files of a bundle are taken from it."""

import gzip
from dataclasses import replace

import pytest

from edgetl.core.device.browser.npm_packages import RUNTIMES, check_integrity, unpack_files
from edgetl.core.errors import StageError
from tests.fixtures.npm import FILES, PACKAGE, pack_archive


def test_files_have_their_names_in_the_bundle_and_webassembly_is_compressed():
    files = unpack_files(PACKAGE, pack_archive())
    assert set(files) == {"litert/a.js", "litert/a.wasm.gz"}
    assert files["litert/a.js"] == b'import x from "./x.js";'
    assert gzip.decompress(files["litert/a.wasm.gz"]) == FILES["package/a.wasm"]


def test_same_archive_gives_the_same_bytes():
    assert unpack_files(PACKAGE, pack_archive()) == unpack_files(PACKAGE, pack_archive())


def test_another_archive_than_the_published_one_is_refused():
    with pytest.raises(StageError, match="is not the published one") as error:
        check_integrity(PACKAGE, pack_archive() + b"x")
    assert "NPM_CONFIG_REGISTRY" in error.value.hint


def test_archive_without_a_file_or_without_the_text_to_replace_is_refused():
    with pytest.raises(StageError, match="other files than expected"):
        unpack_files(replace(PACKAGE, files={"package/b.js": "b.js"}), pack_archive())
    with pytest.raises(StageError, match="does not contain 'nowhere' once"):
        unpack_files(replace(PACKAGE, replacements={"litert/a.js": {"nowhere": ""}}), pack_archive())


@pytest.mark.parametrize("packages", RUNTIMES.values(), ids=list(RUNTIMES))
def test_runtime_is_pinned_by_version_and_integrity(packages):
    for package in packages:
        assert package.version[0].isdigit() and package.integrity.startswith("sha512-")
        assert len(package.integrity) == len("sha512-") + 88


def test_a_bundle_contains_webassembly_for_processors_alone():
    """The builds with kernels for graphics processors are twice as large."""
    sources = [source for packages in RUNTIMES.values() for package in packages for source in package.files]
    assert not [source for source in sources if any(word in source for word in ("jsep", "jspi", "asyncify", "webgpu"))]
