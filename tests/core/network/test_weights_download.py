"""Published weights: those at hand, and what is said, at once, where the others cannot be downloaded."""

import socket
import threading

import pytest

from edgetl.core.errors import ConfigError
from edgetl.core.network import bases, weights_download
from edgetl.core.network.base_table import BASES
from edgetl.core.network.weights_download import check_download, list_published_weights


@pytest.fixture(autouse=True)
def keras_home(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "models").mkdir()
    return tmp_path


@pytest.fixture
def connections(monkeypatch):
    """The servers that connections are tried to; none of them can be reached."""
    servers = []

    def refuse(server, timeout):
        servers.append(server)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", refuse)
    return servers


def touch(folder, name: str, alpha: float) -> None:
    (folder / "models" / bases.find_published_weights(name, alpha)[0]).touch()


def test_every_published_file_is_listed_with_whether_it_is_at_hand(keras_home):
    touch(keras_home, "mobilenet_v2", 0.5)
    files = list_published_weights()
    assert len(files) == sum(len(base.alphas) for base in BASES.values())
    assert [(file.base, file.alpha) for file in files if file.present] == [("mobilenet_v2", 0.5)]


def test_weights_at_hand_need_no_connection(keras_home, connections):
    touch(keras_home, "mobilenet_v2", 0.5)
    check_download("mobilenet_v2", 0.5)
    assert connections == []


def test_server_that_answers_is_enough(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        monkeypatch.setattr(weights_download, "_find_server", lambda _: address)
        check_download("mobilenet_v2", 0.5)


def test_without_a_network_the_weights_in_the_package_are_offered_first(keras_home, connections):
    with pytest.raises(ConfigError) as caught:
        check_download("mobilenet_v2", 0.5)
    error = caught.value
    assert connections == [("storage.googleapis.com", 443)]
    assert "could not be downloaded: storage.googleapis.com: Connection refused" in error.message
    assert error.hint.startswith("1. use the weights inside the package, which need no network: --weights formula")
    assert (
        "--weights formula --base mobilenet_v2 --alpha 0.35" in error.hint and str(keras_home / "models") in error.hint
    )
    assert "[Errno" not in str(error)


def test_network_that_never_answers_takes_a_few_seconds_at_most(monkeypatch):
    monkeypatch.setattr(weights_download, "_CONNECT_S", 0.1)
    released = threading.Event()

    def wait(*_, **__):
        released.wait(30)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", wait)
    with pytest.raises(ConfigError, match=r"did not answer within 0\.1 s"):
        check_download("mobilenet_v2", 0.5)
    # The thread was not waited for.
    assert not released.is_set()
    released.set()


@pytest.mark.parametrize(
    ("proxy", "server"),
    [
        ("http://proxy.example:3128", ("proxy.example", 3128)),
        ("proxy.example:3128", ("proxy.example", 3128)),
        ("http://proxy.example", ("proxy.example", 80)),
    ],
)
def test_proxy_is_what_a_download_connects_to(monkeypatch, connections, proxy, server):
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ConfigError):
        check_download("mobilenet_v2", 0.5)
    assert connections == [server]
    monkeypatch.setenv("no_proxy", "storage.googleapis.com")
    with pytest.raises(ConfigError):
        check_download("mobilenet_v2", 0.5)
    assert connections[1] == ("storage.googleapis.com", 443)


def test_width_without_published_weights_is_an_error(connections):
    with pytest.raises(ConfigError, match=r"no ImageNet weights for alpha 0\.6"):
        check_download("mobilenet_v2", 0.6)
    assert connections == []
