"""A tree of folders → which folders are parts, which are classes, and which are left out. Pure: it opens no file.

Nothing is guessed. A tree that could be read in two ways is an error that shows it and names the option that decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from edgetl.core.errors import DataError
from edgetl.core.photos.layout.names import find_part, is_unlabelled
from edgetl.core.photos.layout.tree import Folder
from edgetl.core.records import Part

LayoutChoice = Literal["auto", "classes", "parts"]

_MOST_SHOWN = 8
# From this fraction of common names, the folders inside two folders are taken for the same set of classes or parts.
_SAME_NAMES = 0.5


@dataclass(slots=True)
class Layout:
    """How a tree is read.

    Attributes:
        top: the folder that contains the classes or the parts.
        parts: part → its folder; empty for one folder per class.
        left_out: path of a folder → reason.
        notes: sentences for the user about everything that is not the plain layout.
    """

    top: Folder
    parts: dict[Part, Folder] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def holders(self) -> dict[Part | None, Folder]:
        """Part, or None without parts → the folder that contains its class folders."""
        return dict(self.parts.items()) if self.parts else {None: self.top}

    def list_classes(self, holder: Folder) -> tuple[Folder, ...]:
        """Return the class folders in a holder."""
        return tuple(folder for folder in holder.folders if folder.path not in self.left_out)


def find_layout(root: Folder, choice: LayoutChoice = "auto", *, class_folders: bool = True) -> Layout:
    """Find the parts and classes of a tree.

    - A single folder around the parts or classes is entered.
    - Parts are recognized by the variants of their names, see `names.find_part`. A part folder that only wraps another
      folder of folders is looked through.
    - Folders for predictions and unlabelled photos beside them are left out.
    - A folder that contains the other folders once more is left out.

    Args:
        root: the tree.
        choice: what the folders of the first level are; "auto" decides by their names.
        class_folders: whether folders are classes. Where file names have the labels, only parts are found.

    Raises:
        DataError: no class folder, parts without train, or a tree that can be read in two ways.
    """
    layout = Layout(root)
    _enter_wrapper(layout, choice)
    _leave_out_copies(layout)
    if choice != "classes":
        _find_parts(layout, choice)
    if not class_folders:
        return layout
    _leave_out_unlabelled_parts(layout)
    for holder in layout.holders.values():
        if choice != "classes":
            _leave_out_unlabelled(layout, holder)
            _check_not_nested(layout, holder)
    return layout


def _enter_wrapper(layout: Layout, choice: LayoutChoice) -> None:
    """Enter single folders around the data set."""
    while (inner := _find_wrapped(layout.top)) is not None:
        if choice != "classes" and find_part(inner.name):
            return
        layout.top = inner
        layout.notes.append(f"the photos are in {inner.path}")


def _find_wrapped(folder: Folder) -> Folder | None:
    """Return the only folder in a folder that contains photos, if its own photos are all in folders."""
    with_photos = [inner for inner in folder.folders if inner.count_photos()]
    if folder.has_photos or len(with_photos) != 1:
        return None
    (inner,) = with_photos
    return inner if not inner.has_photos and inner.folders else None


def _leave_out_copies(layout: Layout) -> None:
    """Leave out a folder that contains all of its neighbours once more, as an archive unpacked into itself does."""
    folders = layout.top.folders
    for folder in folders:
        neighbours = {inner.name for inner in folders if inner is not folder}
        if len(neighbours) > 1 and neighbours <= {inner.name for inner in folder.folders}:
            layout.left_out[folder.path] = "contains the data set once more"
            layout.notes.append(f"{folder.path} contains the folders beside it once more: it is left out")
            return


def _find_parts(layout: Layout, choice: LayoutChoice) -> None:
    """Set the parts of a layout if its folders are parts."""
    folders = layout.list_classes(layout.top)
    part_folders = [folder for folder in folders if find_part(folder.name)]
    if not part_folders:
        if choice == "parts":
            names = ", ".join(folder.name for folder in folders[:_MOST_SHOWN]) or "no folders"
            _refuse("none of the folders is a part", layout.top, [names], "name them train, val and test")
        return
    _leave_out_beside_parts(layout, part_folders, choice)
    for folder in part_folders:
        part = find_part(folder.name)
        assert part is not None
        if part in layout.parts:
            names = f"{layout.parts[part].name} and {folder.name}"
            _refuse(f"{names} are the same part", layout.top, [], "keep only one of these folders")
        layout.parts[part] = folder
    if "train" not in layout.parts:
        names = ", ".join(folder.name for folder in part_folders)
        hint = f"add a train folder; --layout classes if {names} are the classes"
        _refuse(f"the folder has {names} and no train", layout.top, [], hint)
    for part, folder in list(layout.parts.items()):
        layout.parts[part] = _look_through(layout, part, folder)


def _leave_out_beside_parts(layout: Layout, part_folders: Sequence[Folder], choice: LayoutChoice) -> None:
    """Leave out folders beside the parts that are no classes; refuse if they could be classes."""
    rest = [
        folder for folder in layout.list_classes(layout.top) if folder not in part_folders and folder.count_photos()
    ]
    parts = {folder.name for folder in part_folders}
    unclear = []
    for folder in rest:
        if is_unlabelled(folder.name):
            _leave_out(layout, folder, "unlabelled by its name")
        elif parts <= {inner.name for inner in folder.folders}:
            _leave_out(layout, folder, "contains the data set once more")
        elif choice == "parts":
            _leave_out(layout, folder, "not a part")
        else:
            unclear.append(folder.name)
    if unclear:
        names, classes = ", ".join(folder.name for folder in part_folders), ", ".join(unclear[:_MOST_SHOWN])
        _refuse(
            f"the folder has both parts ({names}) and classes ({classes})",
            layout.top,
            [],
            f"--layout classes if {names} is a class too, --layout parts to leave {classes} out",
        )


def _look_through(layout: Layout, part: Part, folder: Folder) -> Folder:
    """Enter folders that only wrap the classes of a part: seg_train/seg_train, train/images."""
    while True:
        inner = _find_wrapped(folder)
        if inner is None:
            # seg_pred/seg_pred and test/test contain photos and no folder: they are entered too.
            inner = next((child for child in folder.folders if find_part(child.name) == part), None)
            if inner is None or folder.has_photos or len(folder.folders) != 1:
                return folder
        folder = inner
        layout.notes.append(f"the {part} photos are in {folder.path}")


def _leave_out_unlabelled_parts(layout: Layout) -> None:
    """Leave out a validation or test part whose photos are in no class folder: they have no labels."""
    for part, folder in list(layout.parts.items()):
        labelled = any(inner.count_photos() for inner in folder.folders)
        if part != "train" and folder.has_photos and not labelled:
            del layout.parts[part]
            _leave_out(layout, folder, "no class folders, so no labels")


def _leave_out_unlabelled(layout: Layout, holder: Folder) -> None:
    """Leave out folders beside the classes that are called unlabelled."""
    for folder in layout.list_classes(holder):
        if is_unlabelled(folder.name):
            _leave_out(layout, folder, "unlabelled by its name, use --layout classes if it is a class")


def _leave_out(layout: Layout, folder: Folder, reason: str) -> None:
    layout.left_out[folder.path] = reason
    layout.notes.append(f"{folder.path} is left out: {reason} ({_format_count(folder)})")


def _check_not_nested(layout: Layout, holder: Folder) -> None:
    """Refuse folders that contain nothing but folders of the same names: which level the classes are is unclear."""
    folders = [folder for folder in layout.list_classes(holder) if folder.count_photos()]
    inside = [{inner.name for inner in folder.folders if inner.count_photos()} for folder in folders]
    if len(folders) < 2 or any(folder.has_photos for folder in folders):
        return
    common, every = set.intersection(*inside), set.union(*inside)
    if len(common) < _SAME_NAMES * len(every) or len(every) < 2:
        return
    names = ", ".join(folder.name for folder in folders[:_MOST_SHOWN])
    tree = [f"{inner.path}: {_format_count(inner)}" for folder in folders for inner in folder.folders]
    shown = [*tree[:_MOST_SHOWN], *([f"… {len(tree) - _MOST_SHOWN} more folders"] if len(tree) > _MOST_SHOWN else [])]
    if all(find_part(name) for name in every):
        hint = "put the parts outside: PHOTOS/train/<class>; or --layout classes to split the photos anew"
    else:
        hint = (
            f"rename the outer folders to train, val, test if they are parts; --layout classes if {names} are classes"
        )
    _refuse("the folders contain no photos, but folders of the same names", holder, shown, hint)


def _format_count(folder: Folder) -> str:
    count = folder.count_photos()
    return "1 photo" if count == 1 else f"{count} photos"


def _refuse(message: str, folder: Folder, places: Iterable[str], hint: str) -> NoReturn:
    raise DataError(message, where=[*([folder.path] if folder.path else []), *places], hint=hint)
