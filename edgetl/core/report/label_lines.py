"""A dataset with several labels → a sentence: how many photos have each label, and how many have several or none."""

from collections import Counter

from edgetl.core.records import Dataset

# Hundreds of labels must not fill the screen.
_MOST_LABELS = 12


def describe_labels(dataset: Dataset) -> list[str]:
    """Describe the labels of a dataset in a line; nothing where each photo has one class."""
    if not dataset.multi_label:
        return []
    photos = [photo.list_classes() for photo in (*dataset.train, *dataset.validation, *dataset.test)]
    counts = Counter(label for labels in photos for label in labels)
    named = ", ".join(f"{dataset.classes[label]} {count}" for label, count in counts.most_common(_MOST_LABELS))
    more = len(dataset.classes) - _MOST_LABELS
    several, none = sum(len(labels) > 1 for labels in photos), photos.count(())
    return [
        f"photos with each label: {named}{f' and {more} more labels' if more > 0 else ''}; "
        f"{several} photos have several, {none} have none"
    ]
