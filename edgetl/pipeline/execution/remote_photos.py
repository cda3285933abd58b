"""The photos of an order in object storage → their mirror in the cache, brought up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetl.core.console import Console
from edgetl.core.errors import DataError
from edgetl.core.photos.remote.mirror import plan_mirror, read_mirror_catalogue, select_objects, update_mirror
from edgetl.core.report.tables import format_bytes
from edgetl.pipeline import stages
from edgetl.pipeline.order import Order


@contextmanager
def name_url(order: Order) -> Iterator[None]:
    """Let errors about the photos of an order name the URL, and not its mirror.

    Raises:
        DataError: that of the block.
    """
    try:
        yield
    except DataError as error:
        error.where = tuple(order.name_photos(place) for place in error.where)
        raise


def mirror_photos(url: str, folder: Path, console: Console) -> None:
    """Copy what is new or has changed at a URL into a folder of the cache, and remove what is gone.

    Args:
        url: from `photo_url.read_photo_url`.
        folder: from `photo_url.locate_mirror`.
        console: shows the progress.

    Raises:
        ConfigError: an unknown protocol, or a full disk.
        MissingPackage: the package of the protocol is not installed.
        DataError: the objects cannot be listed, read or stored as files.
    """
    storage = stages.object_storage.open_object_folder(url)
    with console.wait(f"list {url}"):
        listed = storage.list_objects()
    objects = select_objects(listed)
    plan = plan_mirror(objects, read_mirror_catalogue(folder), folder)
    others = f"; {len(listed) - len(objects)} are no photos and are not read" if len(listed) > len(objects) else ""
    console.say(
        f"{len(objects)} photos and lists at {url}, {len(plan.reads)} of them new or changed, "
        f"{format_bytes(plan.bytes)}{others}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    with console.bar("objects", len(plan.reads), "photos") as bar:
        update_mirror(folder, plan, storage.read, bar.advance)
