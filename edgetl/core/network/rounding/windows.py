"""Windows of a convolution: which values of the input feature map an output place depends on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Geometry of a convolution. All pairs are vertical, then horizontal.

    Attributes:
        size: of the window.
        strides: distance of two neighbouring windows.
        dilations: distance of two neighbouring values in a window.
        padding: rows above and columns on the left of the feature map.
        outputs: height and width of the output.
    """

    size: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    padding: tuple[int, int]
    outputs: tuple[int, int]

    def gather(self, feature_map: np.ndarray, places: np.ndarray, fill: int) -> np.ndarray:
        """Gather the values that outputs depend on.

        Args:
            feature_map: [height, width, channels].
            places: of the outputs, in row-major order, int64 [places].
            fill: value of the padding.

        Returns:
            [places, window values, channels], in the dtype of the feature map.
        """
        offsets = np.divmod(places, self.outputs[1])
        vertical, horizontal = (
            offset[:, None] * self.strides[axis]
            - self.padding[axis]
            + np.arange(self.size[axis]) * self.dilations[axis]
            for axis, offset in enumerate(offsets)
        )
        height, width, channels = feature_map.shape
        is_inside = ((vertical >= 0) & (vertical < height))[:, :, None] & ((horizontal >= 0) & (horizontal < width))[
            :, None
        ]
        values = feature_map[np.clip(vertical, 0, height - 1)[:, :, None], np.clip(horizontal, 0, width - 1)[:, None]]
        filled = np.where(is_inside[..., None], values, feature_map.dtype.type(fill))
        return filled.reshape(len(places), -1, channels)


def pad_same(length: int, outputs: int, size: int, stride: int, dilation: int) -> int:
    """Return the padding before the first value with "SAME" padding.

    Source: TensorFlow, the documentation of tf.nn.convolution.
    """
    return max((outputs - 1) * stride + (size - 1) * dilation + 1 - length, 0) // 2
