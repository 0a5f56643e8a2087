"""Plain convolutional networks: convolution, batch norm, ReLU and max pooling, over and over."""

from torch import nn

from bitrain.spec import BitrainError, Shape

from .blocks.spec import BlockSpec
from .parts import check_size, conv, plainly_initialised, scores


def plain_cnn(in_shape: Shape, num_classes: int, filters: tuple[int, ...]) -> nn.Sequential:
    """One 3 x 3 convolution per entry of ``filters``, each halving the map, then a linear layer."""
    channels, height, width = in_shape
    if min(height, width) >> len(filters) < 1:
        raise BitrainError(
            f"images of {height} x {width} are too small for {len(filters)} poolings by two; "
            f"expected at least {1 << len(filters)} x {1 << len(filters)}"
        )
    specs = [
        conv(before, after, stride=2)
        for before, after in zip((channels, *filters), filters, strict=False)
    ]
    area = (height >> len(filters)) * (width >> len(filters))
    specs.append(scores(filters[-1], num_classes, area=area))
    return nn.Sequential(*map(plainly_initialised, specs))


def lenet5(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """LeNet-5 (Y. LeCun et al., 1998) as it is used today: ReLU, max pooling, batch norm.

    6 and 16 filters of 5 x 5 on the map padded by two, then 120, 84 and the classes.
    """
    check_size(in_shape, 12)
    channels, height, width = in_shape
    area = ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
    specs = [
        conv(channels, 6, stride=2, kernel=5),
        conv(6, 16, stride=2, kernel=5, padding=0),
        BlockSpec(kind="linear", in_channels=16, out_channels=120, area=area),
        BlockSpec(kind="linear", in_channels=120, out_channels=84),
        scores(84, num_classes),
    ]
    return nn.Sequential(*map(plainly_initialised, specs))


def digits_cnn(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """Two convolutions of 16 and 32 filters: for images of 8 x 8."""
    return plain_cnn(in_shape, num_classes, (16, 32))
