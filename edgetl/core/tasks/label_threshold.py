"""The threshold of a label, a record of a trained model. It imports no numpy, as `records` does not."""

from edgetl.core.record import Record


class LabelThreshold(Record):
    """The score from which a photo has a label.

    `photos` validation photos have the label. With `chosen`, it has the highest F1 score; else the photos are too few.
    """

    name: str
    value: float
    photos: int
    chosen: bool
