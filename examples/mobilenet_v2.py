"""A small MobileNetV2 for images of 32 x 32 pixels, as any user's torch module.

M. Sandler et al., *MobileNetV2: Inverted Residuals and Linear Bottlenecks*, arXiv:1801.04381.
"""

import torch
from torch import Tensor, nn

BLOCKS = ((1, 16, 1, 1), (4, 24, 2, 2), (4, 32, 2, 2), (4, 64, 2, 1))
"""Expansion, output channels, how many, stride of the first."""
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1):
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return convolution, nn.BatchNorm2d(outputs)


class InvertedResidual(nn.Module):
    """Wider channels between two narrow maps, the last of which has no activation."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        layers = [*_conv(inputs, hidden), nn.ReLU6(inplace=True)] if expansion > 1 else []
        layers += [*_conv(hidden, hidden, 3, stride, groups=hidden), nn.ReLU6(inplace=True)]
        self.conv = nn.Sequential(*layers, *_conv(hidden, outputs))
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns)."""
        return x + self.conv(x) if self.has_shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    """Scores of images in 0 … 1, which are normalised first."""

    def __init__(self, channels: int, num_classes: int):
        super().__init__()
        count = channels
        self.register_buffer("mean", torch.tensor(MEAN)[:count, None, None])
        self.register_buffer("std", torch.tensor(STD)[:count, None, None])
        features: list[nn.Module] = [*_conv(channels, 16, 3, 2), nn.ReLU6(inplace=True)]
        width = 16
        for expansion, outputs, repeats, first_stride in BLOCKS:
            for index in range(repeats):
                stride = first_stride if index == 0 else 1
                features.append(InvertedResidual(width, outputs, stride, expansion))
                width = outputs
        features += [*_conv(width, 256), nn.ReLU6(inplace=True)]
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(256, num_classes))

    def forward(self, images: Tensor) -> Tensor:
        """(batch, channels, rows, columns) to (batch, classes)."""
        x = (images - self.mean) / self.std
        x = self.features(x)
        return self.classifier(x.mean([2, 3]))


def build(in_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """The model, as ``bitrain`` calls it."""
    return MobileNetV2(in_shape[0], num_classes)
