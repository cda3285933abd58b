"""The server of a folder: files with security headers, and nothing outside of it."""

import urllib.error
import urllib.request

import pytest

from edgetl.engines.browser.folder_server import serve_folder


def test_files_have_the_headers_and_other_folders_are_hidden(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.js").write_text("1")
    (tmp_path / "secret").write_text("2")
    with serve_folder(tmp_path / "folder") as address:
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address + "a.js") as response:
            assert response.read() == b"1"
            headers = response.headers
        assert headers["Content-Type"] == "text/javascript"
        assert "script-src 'self' 'wasm-unsafe-eval'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert headers["Server"].strip() == "edgetl"
        for path in ("", "../secret", "%2e%2e/secret", "missing"):
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(address + path)
            assert error.value.code == 404
            error.value.close()
