"""PHOTOS as a URL of fsspec, such as s3://bucket/folder → the folder in the cache that its photos are copied into."""

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from edgetl.core.errors import ConfigError
from edgetl.core.storage.cache import locate_cache

# A path has one slash after the colon where the URL had two, or three for a local file.
_URL = re.compile(r"(?P<protocol>[a-z][a-z0-9+.-]+):/{1,3}(?P<rest>[^/].*)", re.DOTALL)
_HINT = "as in s3://BUCKET/FOLDER"


def read_photo_url(photos: Path | str) -> str:
    """Return the URL that PHOTOS is, "" if it is a path.

    Raises:
        ConfigError: a URL that is no folder of objects, or one with a password.
    """
    match = _URL.fullmatch(str(photos))
    # A folder may have such a name.
    if match is None or Path(photos).exists():
        return ""
    url = f"{match['protocol']}://{match['rest'].rstrip('/')}"
    if "@" in match["rest"].partition("/")[0]:
        # Not shown: it would be in the log and in order.json.
        raise ConfigError(
            "PHOTOS is a URL with a user or a password, which would be kept in the run folder",
            hint="leave it out, and put it where the package of the protocol reads it: for s3, ~/.aws/credentials",
        )
    if match["protocol"] in ("file", "local"):
        raise ConfigError("PHOTOS is a URL of a local folder", where=[url], hint="give its path")
    parts = match["rest"].split("/")
    if ".." in parts or "." in parts or "" in parts[:-1] or any(sign in url for sign in "?#*[") or "::" in url:
        raise ConfigError("PHOTOS is a URL that is not plain", where=[url], hint=_HINT)
    return url


def locate_mirror(url: str) -> Path:
    """Return the folder in the cache that the photos of a URL are copied into."""
    name = re.sub(r"[^\w.-]+", "_", urlsplit(url).path.rstrip("/").rpartition("/")[2] or urlsplit(url).netloc)
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    return locate_cache() / "remote" / digest / (name.strip(".") or "photos")
