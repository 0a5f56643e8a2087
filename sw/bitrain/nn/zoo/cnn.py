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


def lenet5(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """LeNet-5 (Y. LeCun et al., 1998) as it is used today: ReLU, max pooling, batch norm.

    6 and 16 filters of 5 x 5 on the map padded by two, then 120, 84 and the classes.
    """
    channels, height, width = in_shape
    rows, columns = (height // 2 - 4) // 2, (width // 2 - 4) // 2
    if min(rows, columns) < 1:
        raise BitrainError(f"images of {height} x {width} are too small; expected at least 12 x 12")
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5, padding=2, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * rows * columns, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, num_classes),
    )


def vgg8(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """A small VGG (K. Simonyan and A. Zisserman, arXiv:1409.1556): pairs of 3 x 3 convolutions.

    32, 64 and 128 filters, pooling by two after each pair, then 128 and the classes.
    """
    channels, height, width = in_shape
    if min(height, width) < 8:
        raise BitrainError(f"images of {height} x {width} are too small; expected at least 8 x 8")
    modules: list[nn.Module] = []
    for filters in (32, 64, 128):
        for _ in range(2):
            conv = nn.Conv2d(channels, filters, 3, padding=1, bias=False)
            modules += [conv, nn.BatchNorm2d(filters), nn.ReLU()]
            channels = filters
        modules.append(nn.MaxPool2d(2))
    size = channels * (height // 8) * (width // 8)
    head = [nn.Flatten(), nn.Dropout(0.5), nn.Linear(size, 128), nn.ReLU()]
    return nn.Sequential(*modules, *head, nn.Linear(128, num_classes))


def digits_cnn(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """Two convolutions of 16 and 32 filters: for images of 8 x 8."""
    return plain_cnn(in_shape, num_classes, (16, 32))
