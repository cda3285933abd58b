"""Folders of objects by fsspec: s3, gs, az, hf and every other protocol whose package is installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
from fsspec.registry import known_implementations

from edgetl.core.errors import ConfigError, DataError, EdgetlError, MissingPackage, first_line
from edgetl.core.photos.remote.mirror import StoredObject

# What protocols call a text that changes with the content of an object, the best first.
_VERSIONS = ("ETag", "etag", "md5Hash", "md5", "sha", "last_modified", "LastModified", "mtime", "created")
_EXTRAS = {"s3": "pip install 'edgetl[s3]'", "s3a": "pip install 'edgetl[s3]'"}


class ObjectFolder:
    """A folder of objects.

    Args:
        url: from `photo_url.read_photo_url`.

    Raises:
        ConfigError: an unknown protocol.
        MissingPackage: the package of the protocol is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        protocol = url.partition("://")[0]
        try:
            self._system, self._root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            known = known_implementations.get(protocol, {}).get("err", "")
            hint = _EXTRAS.get(protocol, known or f"install the package of fsspec for {protocol}")
            raise MissingPackage(f"{protocol}:// needs a package that is not installed", hint=hint) from error
        except ValueError as error:
            hint = "protocols of fsspec are s3, gs, az, hf and more: their packages are in its documentation"
            raise ConfigError(f"unknown protocol {protocol}://", where=[url], hint=hint) from error

    def list_objects(self) -> list[StoredObject]:
        """List all objects of the folder and of those inside it.

        Raises:
            DataError: it is empty, does not exist, or cannot be listed.
        """
        with _explain_errors(self.url, "listed"):
            # What another program has changed since the last listing counts.
            self._system.invalidate_cache()
            found: dict[str, dict[str, Any]] = self._system.find(self._root, detail=True)
        prefix = self._root.rstrip("/") + "/"
        objects = [
            StoredObject(
                path=name.removeprefix(prefix), bytes=int(facts.get("size") or 0), version=_read_version(facts)
            )
            for name, facts in found.items()
            # A folder that was made by hand is an object without content.
            if name.startswith(prefix) and not name.endswith("/") and facts.get("type", "file") == "file"
        ]
        if not objects:
            hint = "check the name of the folder: absent and empty folders look alike"
            raise DataError("there are no photos at the URL", where=[self.url], hint=hint)
        return objects

    def read(self, item: StoredObject) -> bytes:
        """Read an object, and not more than its size in the listing.

        Raises:
            DataError: it cannot be read, or has changed since it was listed.
        """
        with _explain_errors(f"{self.url}/{item.path}", "read"):
            name = f"{self._root.rstrip('/')}/{item.path}"
            content: bytes = self._system.cat_file(name, start=0, end=item.bytes + 1) if item.bytes else b""
        if len(content) != item.bytes:
            hint = "run the same command again, when nothing writes there"
            raise DataError("an object changed while it was read", where=[f"{self.url}/{item.path}"], hint=hint)
        return content


def open_object_folder(url: str) -> ObjectFolder:
    """Open a folder of objects: see `ObjectFolder`."""
    return ObjectFolder(url)


def _read_version(facts: dict[str, Any]) -> str:
    return next((str(facts[name]) for name in _VERSIONS if facts.get(name)), "")


@contextmanager
def _explain_errors(url: str, verb: str) -> Iterator[None]:
    """Replace the errors of fsspec and of the packages of its protocols. Their messages may contain keys."""
    try:
        yield
    except EdgetlError:
        raise
    except FileNotFoundError as error:
        hint = "check the names of bucket and folder"
        raise DataError("there is nothing at the URL", where=[url], hint=hint) from error
    except PermissionError as error:
        hint = "give this user the right to list and to read it; for s3, keys are in ~/.aws/credentials"
        raise DataError(f"the URL cannot be {verb}: no permission", where=[url], hint=hint) from error
    # Each protocol has exceptions of its own, such as those of botocore, and no common base but Exception.
    except Exception as error:
        reason = first_line(error) if isinstance(error, OSError) and error.strerror else type(error).__name__
        hint = "check network, address and keys: the program of the storage itself, such as aws s3 ls, shows more"
        raise DataError(f"the URL cannot be {verb}: {reason}", where=[url], hint=hint) from error
