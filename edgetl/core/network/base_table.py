"""The table of networks: what each keras.applications base needs to be built, fed and judged.

A row says everything the engines need, so that a further base is a further row. Parameters and published top-1 are of
the ImageNet classifier at alpha 1.0 and its own side. Source of both: keras.io/api/applications, November 2026; for
MobileNetV3 the table in keras.applications.mobilenet_v3 (Keras 3.15), its parameters counted.
Source of the licences of the weights: "License" of each model in the Keras 2.3 documentation, which says whom they were
ported from (VGG: Oxford; ResNet: Kaiming He; ResNet V2: Facebook; DenseNet: its authors; Xception: Keras itself; the
others: Google). For MobileNetV3, github.com/tensorflow/models; for EfficientNetV2, github.com/google/automl.
"""

from dataclasses import dataclass
from typing import Literal

# Source: keras.applications.imagenet_utils.preprocess_input, Keras 3.15.
Scaling = Literal["tf", "torch", "caffe"]
Licence = Literal["Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferResult:
    """Accuracy on photos of which nothing was learned, from each start: means of three seeds, the whole fine-tuned."""

    photos: str
    epochs: int
    random: float
    formula: float
    imagenet: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ShippedWeights:
    """Weights inside the package, learned at `side_px` on images drawn by formula (tools/pretrain_base.py)."""

    alpha: float
    side_px: int
    file: str
    sha256: str
    transfers: tuple[TransferResult, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseNetwork:
    """One network.

    `weights_side_px` is the side its ImageNet weights were trained at; they serve every other side. `alphas` are the
    widths with ImageNet weights; a network with one width has no width multiplier at all. `scaled_inside` says that
    Keras would scale inside the network, unless told not to. `qat` says that it can be trained quantization-aware.
    `weights_url` is the address of the file, or of the folder it lies in where it ends with "/".
    """

    name: str
    builder: str
    parameters: int
    published_top1: float
    smallest_side_px: int = 32
    default_side_px: int = 224
    weights_side_px: int = 224
    scaling: Scaling
    scaled_inside: bool = False
    alphas: tuple[float, ...] = (1.0,)
    weights_licence: Licence
    weights_file: str
    weights_url: str
    # One of each family learned with the rounding and became integers: tests/engines/test_integer_export.py, slow.
    qat: bool = True
    formula: ShippedWeights | None = None

    @property
    def has_widths(self) -> bool:
        """Whether the network has a width multiplier."""
        return len(self.alphas) > 1


_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_NO_TOP = "_weights_tf_dim_ordering_tf_kernels_notop.h5"

# MobileNets: the default side is 160: half the work of 224 on the board, for about two points of ImageNet top-1.
# Source: the width and resolution tables of the MobileNet (2017), MobileNetV2 (2018) and MobileNetV3 (2019) papers.
# The others start at the side of their weights.
BASES: dict[str, BaseNetwork] = {
    base.name: base
    for base in (
        BaseNetwork(
            name="mobilenet",
            builder="MobileNet",
            parameters=4_253_864,
            published_top1=0.704,
            default_side_px=160,
            scaling="tf",
            alphas=(0.25, 0.5, 0.75, 1.0),
            weights_licence="Apache-2.0",
            weights_file="mobilenet_{alpha_name}_224_tf_no_top.h5",
            weights_url=f"{_KERAS}/mobilenet/",
        ),
        BaseNetwork(
            name="mobilenet_v2",
            builder="MobileNetV2",
            parameters=3_538_984,
            published_top1=0.713,
            default_side_px=160,
            scaling="tf",
            alphas=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
            weights_licence="Apache-2.0",
            weights_file="mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_224_no_top.h5",
            weights_url=f"{_KERAS}/mobilenet_v2/",
            formula=ShippedWeights(
                alpha=0.35,
                side_px=64,
                file="mobilenet_v2_0.35.npz",
                sha256="5a992fd68f3b31bb92a20d8b6e838d6b4a20df84b6bfa0b5c4cb68ce472a7665",
                # Source: tools/measure_transfer.py at 64 px.
                transfers=(
                    TransferResult(photos="digits", epochs=15, random=0.865, formula=0.992, imagenet=0.980),
                    TransferResult(photos="flowers5", epochs=12, random=0.476, formula=0.735, imagenet=0.800),
                    TransferResult(photos="glass_or_metal", epochs=12, random=0.585, formula=0.808, imagenet=0.875),
                ),
            ),
        ),
        BaseNetwork(
            name="mobilenet_v3_small",
            builder="MobileNetV3Small",
            parameters=2_554_968,
            published_top1=0.681,
            default_side_px=160,
            scaling="tf",
            scaled_inside=True,
            alphas=(0.75, 1.0),
            weights_licence="Apache-2.0",
            weights_file="weights_mobilenet_v3_small_224_{alpha}_float_no_top_v2.h5",
            weights_url=f"{_KERAS}/mobilenet_v3/",
        ),
        BaseNetwork(
            name="mobilenet_v3_large",
            builder="MobileNetV3Large",
            parameters=5_507_432,
            published_top1=0.756,
            default_side_px=160,
            scaling="tf",
            scaled_inside=True,
            alphas=(0.75, 1.0),
            weights_licence="Apache-2.0",
            weights_file="weights_mobilenet_v3_large_224_{alpha}_float_no_top_v2.h5",
            weights_url=f"{_KERAS}/mobilenet_v3/",
        ),
        BaseNetwork(
            name="efficientnet_v2_b0",
            builder="EfficientNetV2B0",
            parameters=7_200_312,
            published_top1=0.787,
            scaling="torch",
            scaled_inside=True,
            weights_licence="Apache-2.0",
            weights_file="efficientnetv2-b0_notop.h5",
            weights_url=f"{_KERAS}/efficientnet_v2/",
        ),
        BaseNetwork(
            name="nasnet_mobile",
            builder="NASNetMobile",
            parameters=5_326_716,
            published_top1=0.744,
            default_side_px=224,
            weights_side_px=224,
            scaling="tf",
            weights_licence="Apache-2.0",
            weights_file="nasnet_mobile_no_top.h5",
            weights_url=f"{_KERAS}/nasnet/NASNet-mobile-no-top.h5",
        ),
        BaseNetwork(
            name="nasnet_large",
            builder="NASNetLarge",
            parameters=88_949_818,
            published_top1=0.825,
            default_side_px=331,
            weights_side_px=331,
            scaling="tf",
            weights_licence="Apache-2.0",
            weights_file="nasnet_large_no_top.h5",
            weights_url=f"{_KERAS}/nasnet/NASNet-large-no-top.h5",
        ),
        BaseNetwork(
            name="densenet121",
            builder="DenseNet121",
            parameters=8_062_504,
            published_top1=0.750,
            scaling="torch",
            weights_licence="BSD-3-Clause",
            weights_file=f"densenet121{_NO_TOP}",
            weights_url=f"{_KERAS}/densenet/",
        ),
        BaseNetwork(
            name="densenet169",
            builder="DenseNet169",
            parameters=14_307_880,
            published_top1=0.762,
            scaling="torch",
            weights_licence="BSD-3-Clause",
            weights_file=f"densenet169{_NO_TOP}",
            weights_url=f"{_KERAS}/densenet/",
        ),
        BaseNetwork(
            name="densenet201",
            builder="DenseNet201",
            parameters=20_242_984,
            published_top1=0.773,
            scaling="torch",
            weights_licence="BSD-3-Clause",
            weights_file=f"densenet201{_NO_TOP}",
            weights_url=f"{_KERAS}/densenet/",
        ),
        BaseNetwork(
            name="inception_v3",
            builder="InceptionV3",
            parameters=23_851_784,
            published_top1=0.779,
            smallest_side_px=75,
            default_side_px=299,
            weights_side_px=299,
            scaling="tf",
            weights_licence="Apache-2.0",
            weights_file=f"inception_v3{_NO_TOP}",
            weights_url=f"{_KERAS}/inception_v3/",
        ),
        BaseNetwork(
            name="inception_resnet_v2",
            builder="InceptionResNetV2",
            parameters=55_873_736,
            published_top1=0.803,
            smallest_side_px=75,
            default_side_px=299,
            weights_side_px=299,
            scaling="tf",
            weights_licence="Apache-2.0",
            weights_file=f"inception_resnet_v2{_NO_TOP}",
            weights_url=f"{_KERAS}/inception_resnet_v2/",
        ),
        BaseNetwork(
            name="xception",
            builder="Xception",
            parameters=22_910_480,
            published_top1=0.790,
            smallest_side_px=71,
            default_side_px=299,
            weights_side_px=299,
            scaling="tf",
            weights_licence="MIT",
            weights_file=f"xception{_NO_TOP}",
            weights_url=f"{_KERAS}/xception/",
        ),
        BaseNetwork(
            name="resnet50",
            builder="ResNet50",
            parameters=25_636_712,
            published_top1=0.749,
            scaling="caffe",
            weights_licence="MIT",
            weights_file=f"resnet50{_NO_TOP}",
            weights_url=f"{_KERAS}/resnet/",
        ),
        BaseNetwork(
            name="resnet101",
            builder="ResNet101",
            parameters=44_707_176,
            published_top1=0.764,
            scaling="caffe",
            weights_licence="MIT",
            weights_file=f"resnet101{_NO_TOP}",
            weights_url=f"{_KERAS}/resnet/",
        ),
        BaseNetwork(
            name="resnet152",
            builder="ResNet152",
            parameters=60_419_944,
            published_top1=0.766,
            scaling="caffe",
            weights_licence="MIT",
            weights_file=f"resnet152{_NO_TOP}",
            weights_url=f"{_KERAS}/resnet/",
        ),
        BaseNetwork(
            name="resnet50_v2",
            builder="ResNet50V2",
            parameters=25_613_800,
            published_top1=0.760,
            scaling="tf",
            weights_licence="BSD-3-Clause",
            weights_file=f"resnet50v2{_NO_TOP}",
            weights_url=f"{_KERAS}/resnet/",
        ),
        BaseNetwork(
            name="resnet101_v2",
            builder="ResNet101V2",
            parameters=44_675_560,
            published_top1=0.772,
            scaling="tf",
            weights_licence="BSD-3-Clause",
            weights_file=f"resnet101v2{_NO_TOP}",
            weights_url=f"{_KERAS}/resnet/",
        ),
        BaseNetwork(
            name="resnet152_v2",
            builder="ResNet152V2",
            parameters=60_380_648,
            published_top1=0.780,
            scaling="tf",
            weights_licence="BSD-3-Clause",
            weights_file=f"resnet152v2{_NO_TOP}",
            weights_url=f"{_KERAS}/resnet/",
        ),
        BaseNetwork(
            name="vgg16",
            builder="VGG16",
            parameters=138_357_544,
            published_top1=0.713,
            scaling="caffe",
            weights_licence="CC-BY-4.0",
            weights_file=f"vgg16{_NO_TOP}",
            weights_url=f"{_KERAS}/vgg16/",
        ),
        BaseNetwork(
            name="vgg19",
            builder="VGG19",
            parameters=143_667_240,
            published_top1=0.713,
            scaling="caffe",
            weights_licence="CC-BY-4.0",
            weights_file=f"vgg19{_NO_TOP}",
            weights_url=f"{_KERAS}/vgg19/",
        ),
    )
}
