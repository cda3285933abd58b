"""object_storage.py: folders of objects in memory, and (slow) on a server of S3."""

import fsspec
import pytest

from edgetl.core.errors import ConfigError, DataError, MissingPackage
from edgetl.engines import object_storage
from edgetl.engines.object_storage import ObjectFolder
from tests.fixtures.photos import draw_photo


@pytest.fixture
def memory():
    """Two objects below memory://bucket/shapes, and one beside it."""
    system = fsspec.filesystem("memory")
    for name in ("shapes/a/1.jpg", "shapes/b/2.jpg", "shapes2/c/3.jpg"):
        system.pipe_file(f"/bucket/{name}", name.encode())
    yield system
    system.rm("/bucket", recursive=True)


def test_objects_are_listed_with_their_paths_sizes_and_versions(memory):
    objects = ObjectFolder("memory://bucket/shapes").list_objects()
    assert {item.path: item.bytes for item in objects} == {"a/1.jpg": 14, "b/2.jpg": 14}
    before = {item.path: item.version for item in objects}
    memory.pipe_file("/bucket/shapes/a/1.jpg", b"other 14 bytes")
    after = {item.path: item.version for item in ObjectFolder("memory://bucket/shapes").list_objects()}
    assert before["a/1.jpg"] != after["a/1.jpg"] and before["b/2.jpg"] == after["b/2.jpg"]


def test_object_is_read_whole_and_not_beyond_its_size(memory):
    folder = ObjectFolder("memory://bucket/shapes")
    (item, _) = sorted(folder.list_objects(), key=lambda item: item.path)
    assert folder.read(item) == b"shapes/a/1.jpg"
    for content in (b"longer than it was", b"short"):
        memory.pipe_file("/bucket/shapes/a/1.jpg", content)
        with pytest.raises(DataError, match="changed while it was read"):
            folder.read(item)


def test_empty_or_absent_folder_is_an_error(memory):
    with pytest.raises(DataError, match=r"no photos at the URL|nothing at the URL"):
        ObjectFolder("memory://bucket/absent").list_objects()


def test_unknown_protocol_and_absent_package_are_errors(monkeypatch):
    with pytest.raises(ConfigError, match="unknown protocol nope://"):
        ObjectFolder("nope://bucket/shapes")

    def refuse(_):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(object_storage.fsspec.core, "url_to_fs", refuse)
    with pytest.raises(MissingPackage) as error:
        ObjectFolder("s3://bucket/shapes")
    assert error.value.hint == "pip install 'edgetl[s3]'"


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (PermissionError("key AKIASECRET is refused"), "no permission"),
        (FileNotFoundError("bucket"), "nothing at the URL"),
        (RuntimeError("signature of AKIASECRET"), "cannot be listed: RuntimeError"),
        (ConnectionRefusedError(111, "Connection refused"), "cannot be listed: Connection refused"),
    ],
)
def test_failure_is_an_error_without_keys(memory, monkeypatch, failure, message):
    folder = ObjectFolder("memory://bucket/shapes")

    def fail(*_, **__):
        raise failure

    monkeypatch.setattr(type(folder._system), "find", fail)
    with pytest.raises(DataError, match=message) as error:
        folder.list_objects()
    assert "SECRET" not in str(error.value) and error.value.hint


@pytest.fixture(scope="module")
def server():
    """A server of S3 on loopback, with a bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
        server.start()
        host, port = server.get_host_and_port()
        for name, value in (
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ):
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="photos")
        yield client
        server.stop()


@pytest.mark.slow
def test_photos_in_s3_are_those_of_a_folder(server, tmp_path, monkeypatch, photos):
    from edgetl.core.console import Console
    from edgetl.core.photos import photo_folder
    from edgetl.core.photos.remote.photo_url import locate_mirror, read_photo_url
    from edgetl.pipeline.execution.remote_photos import mirror_photos

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for path in photos.rglob("*.png"):
        server.put_object(Bucket="photos", Key=f"shapes/{path.relative_to(photos)}", Body=path.read_bytes())
    url = read_photo_url("s3://photos/shapes")
    folder = locate_mirror(url)
    mirror_photos(url, folder, Console(quiet=True))
    here, there = photo_folder.scan_photos(photos), photo_folder.scan_photos(folder)
    assert there.paths == here.paths and there.classes == here.classes
    assert all((folder / path).read_bytes() == (photos / path).read_bytes() for path in here.paths)
    # A photo more and one less.
    server.delete_object(Bucket="photos", Key="shapes/circle/000.png")
    draw_photo(0, 99).save(tmp_path / "new.png")
    server.put_object(Bucket="photos", Key="shapes/circle/new.png", Body=(tmp_path / "new.png").read_bytes())
    mirror_photos(url, folder, Console(quiet=True))
    assert set(photo_folder.scan_photos(folder).paths) == {*here.paths, "circle/new.png"} - {"circle/000.png"}
    with pytest.raises(DataError, match=r"nothing at the URL|no photos at the URL"):
        ObjectFolder("s3://absent/shapes").list_objects()
