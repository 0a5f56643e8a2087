"""Plain convolutional networks: convolution, batch norm, ReLU and max pooling, over and over."""

from torch import nn

from bitrain.spec import BitrainError, Shape


def plain_cnn(in_shape: Shape, num_classes: int, filters: tuple[int, ...]) -> nn.Sequential:
    """One 3 x 3 convolution per entry of ``filters``, each halving the map, then a linear layer."""
    channels, height, width = in_shape
    if min(height, width) >> len(filters) < 1:
        raise BitrainError(
            f"images of {height} x {width} are too small for {len(filters)} poolings by two; "
            f"expected at least {1 << len(filters)} x {1 << len(filters)}"
        )
    modules: list[nn.Module] = []
    for num_filters in filters:
        modules += [
            # Batch norm has a bias of its own.
            nn.Conv2d(channels, num_filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(num_filters),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        channels, height, width = num_filters, height // 2, width // 2
    return nn.Sequential(*modules, nn.Flatten(), nn.Linear(channels * height * width, num_classes))


def digits_cnn(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """Two convolutions of 16 and 32 filters: for images of 8 x 8."""
    return plain_cnn(in_shape, num_classes, (16, 32))
