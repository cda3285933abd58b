"""The server of a folder: files with security headers, and nothing outside of it."""

import os
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


def test_links_and_pipes_are_not_files_of_the_folder(tmp_path):
    folder = tmp_path / "folder"
    (folder / "golden").mkdir(parents=True)
    (folder / "index.html").write_text("page")
    (tmp_path / "secret").write_text("2")
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "index.html").write_text("3")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "inner").symlink_to(folder / "index.html")
    (folder / "others").symlink_to(tmp_path / "others")
    (folder / "golden" / "index.html").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    with serve_folder(folder) as address:
        with urllib.request.urlopen(address) as response:
            assert response.read() == b"page"
        for path in ("link", "inner", "others/", "others/index.html", "golden/", "pipe"):
            with pytest.raises(urllib.error.HTTPError) as error:
                urllib.request.urlopen(address + path, timeout=5)
            assert error.value.code == 404, path
            error.value.close()
