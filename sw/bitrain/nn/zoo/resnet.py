"""Residual networks for small images: K. He et al., arXiv:1512.03385, section 4.2."""

from torch import nn

from bitrain.spec import BitrainError, Shape

from ..blocks import Residual, Subsample

STAGES = (16, 32, 64)


def resnet20(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """Three stages of three basic blocks with shortcuts of option A, 0.27 million weights."""
    return cifar_resnet(in_shape, num_classes, blocks=3)


def resnet20x2(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """ResNet-20 with twice as many filters, 1.1 million weights."""
    return cifar_resnet(in_shape, num_classes, blocks=3, widen=2)


def cifar_resnet(in_shape: Shape, num_classes: int, blocks: int, widen: int = 1) -> nn.Sequential:
    """6 · ``blocks`` + 2 layers with weights; every stage but the first halves the map.

    widen: how many times as many filters.
    """
    channels, height, width = in_shape
    if min(height, width) < 4:
        raise BitrainError(f"images of {height} x {width} are too small; expected at least 4 x 4")
    stages = [widen * filters for filters in STAGES]
    modules = _conv_bn(channels, stages[0], 1)
    modules.append(nn.ReLU())
    channels = stages[0]
    for filters in stages:
        for _ in range(blocks):
            stride = 1 if filters == channels else 2
            body = nn.Sequential(
                *_conv_bn(channels, filters, stride), nn.ReLU(), *_conv_bn(filters, filters, 1)
            )
            shortcut = Subsample(channels, filters, stride) if stride > 1 else None
            modules.append(Residual(body, shortcut))
            channels = filters
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]
    return nn.Sequential(*modules, *head)


def _conv_bn(channels: int, filters: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels, filters, 3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(filters)]
