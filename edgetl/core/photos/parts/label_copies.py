"""Usable photos that may have several labels → one for each content, with all its labels, and labels that cannot be
learned."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from edgetl.core.photos.layout.label_lists import find_rarest_labels
from edgetl.core.photos.photo_folder import PhotoFile, PhotoFolder
from edgetl.core.photos.pixel_store import PhotoFacts
from edgetl.core.records import Part

# A copy in a preset train part is preferred: the others would be duplicates of a training photo.
PREFERENCE: dict[Part | None, int] = {None: 0, "train": 0, "validation": 1, "test": 2}


def unite_copies(
    usable: Iterable[tuple[PhotoFile, PhotoFacts]], folder: PhotoFolder, reasons: dict[str, str]
) -> list[tuple[PhotoFile, PhotoFacts]]:
    """Select one file for each content and give it the labels of all copies; add reasons for all others.

    Where a list states for every label whether a photo has it, copies with other labels contradict it: all are left
    out.

    Args:
        usable: files with facts about their content.
        folder: of the files.
        reasons: why files are left out, by path.

    Returns:
        The files, each with `label` set to the rarest of its labels.
    """
    copies: defaultdict[str, list[tuple[PhotoFile, PhotoFacts]]] = defaultdict(list)
    for file, content in usable:
        copies[content.sha256].append((file, content))
    unique = []
    for group in copies.values():
        first, *rest = sorted(group, key=lambda pair: PREFERENCE[pair[0].part])
        other = next((file for file, _ in rest if file.labels != first[0].labels), None)
        if folder.states_all_labels and other is not None:
            for file, _ in group:
                different = other if file.labels == first[0].labels else first[0]
                reasons[file.path] = f"same photo with other labels: {different.path}"
            continue
        labels = tuple(max(values) for values in zip(*(file.labels for file, _ in group), strict=True))
        unique.append((replace(first[0], labels=labels), first[1]))
        reasons.update({file.path: f"same photo as {first[0].path}" for file, _ in rest})
    rarest = find_rarest_labels([file.labels for file, _ in unique])
    return [(replace(file, label=label), content) for (file, content), label in zip(unique, rarest, strict=True)]


def list_frequent_labels(classes: Sequence[str], files: Sequence[PhotoFile], fewest: int) -> list[str]:
    """List in words the labels that fewer than `fewest` photos lack: such a label cannot be learned."""
    counts = Counter(label for file in files for label in file.list_classes())
    return [
        f"{name}: {len(files) - counts[label]} photos are without it, at least {fewest} are needed"
        for label, name in enumerate(classes)
        if len(files) - counts[label] < fewest
    ]
