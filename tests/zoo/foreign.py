"""Convolutional and dense networks, each written as its own authors would write it.

None of them was made to suit the tool: they spell the same layers in many ways, as one finds them
in public repositories. Widths are reduced so that they run quickly; three topologies
(``resnet20``, ``mobilenet_v2`` and ``squeezenet1_1``) have their published depth. Inputs are
images or signals in 0..1. ``FOREIGN`` at the end lists all of them.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import init
from torch.nn.utils.parametrizations import weight_norm

# --- residual networks ---------------------------------------------------------------------


def _weights_init(m):
    if isinstance(m, nn.Linear | nn.Conv2d):
        init.kaiming_normal_(m.weight)


class LambdaLayer(nn.Module):
    """A function as a module, as the CIFAR ResNet repositories have it for the option A."""

    def __init__(self, lambd):
        super().__init__()
        self.lambd = lambd

    def forward(self, x):
        return self.lambd(x)


class CifarBasicBlock(nn.Module):
    """Basic block of the CIFAR ResNets, in the manner of the faithful re-implementations."""

    expansion = 1

    def __init__(self, in_planes, planes, stride=1, option="A"):
        super().__init__()
        self.conv1 = nn.Conv2d(
            in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)

        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            if option == "A":
                # For CIFAR10 the ResNet paper uses option A.
                self.shortcut = LambdaLayer(
                    lambda x: F.pad(
                        x[:, :, ::2, ::2], (0, 0, 0, 0, planes // 4, planes // 4), "constant", 0
                    )
                )
            elif option == "B":
                self.shortcut = nn.Sequential(
                    nn.Conv2d(
                        in_planes,
                        self.expansion * planes,
                        kernel_size=1,
                        stride=stride,
                        bias=False,
                    ),
                    nn.BatchNorm2d(self.expansion * planes),
                )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        out = F.relu(out)
        return out


class CifarResNet(nn.Module):
    """ResNet for CIFAR of depth 6n+2 (He et al.), in the manner of PyTorch re-implementations."""

    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.in_planes = 16

        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._make_layer(block, 16, num_blocks[0], stride=1)
        self.layer2 = self._make_layer(block, 32, num_blocks[1], stride=2)
        self.layer3 = self._make_layer(block, 64, num_blocks[2], stride=2)
        self.linear = nn.Linear(64, num_classes)

        self.apply(_weights_init)

    def _make_layer(self, block, planes, num_blocks, stride):
        strides = [stride] + [1] * (num_blocks - 1)
        layers = []
        for s in strides:
            layers.append(block(self.in_planes, planes, s))
            self.in_planes = planes * block.expansion

        return nn.Sequential(*layers)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer1(out)
        out = self.layer2(out)
        out = self.layer3(out)
        out = F.avg_pool2d(out, out.size()[3])
        out = out.view(out.size(0), -1)
        out = self.linear(out)
        return out


def resnet20():
    return CifarResNet(CifarBasicBlock, [3, 3, 3])


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(
        in_planes,
        out_planes,
        kernel_size=3,
        stride=stride,
        padding=1,
        groups=groups,
        bias=False,
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Basic residual block in the manner of the reference ResNet library code."""

    expansion: int = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if norm_layer is None:
            norm_layer = nn.BatchNorm2d
        # Both self.conv1 and self.downsample layers downsample the input when stride != 1
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm_layer(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm_layer(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        identity = x

        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu(out)

        out = self.conv2(out)
        out = self.bn2(out)

        if self.downsample is not None:
            identity = self.downsample(x)

        out += identity
        out = self.relu(out)

        return out


class Bottleneck(nn.Module):
    """Bottleneck block, stride on the 3x3 convolution ("v1.5"), in the manner of the reference."""

    expansion: int = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        norm_layer: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if norm_layer is None:
            norm_layer = nn.BatchNorm2d
        self.conv1 = conv1x1(inplanes, planes)
        self.bn1 = norm_layer(planes)
        self.conv2 = conv3x3(planes, planes, stride)
        self.bn2 = norm_layer(planes)
        self.conv3 = conv1x1(planes, planes * self.expansion)
        self.bn3 = norm_layer(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        identity = x

        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))

        if self.downsample is not None:
            identity = self.downsample(x)

        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    """ImageNet-style ResNet with a 7x7 stem, in the manner of the reference library code."""

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: list[int],
        width: int = 8,
        num_classes: int = 10,
    ) -> None:
        super().__init__()
        self._norm_layer = nn.BatchNorm2d
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, width, layers[0])
        self.layer2 = self._make_layer(block, width * 2, layers[1], stride=2)
        self.layer3 = self._make_layer(block, width * 4, layers[2], stride=2)
        self.layer4 = self._make_layer(block, width * 8, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(width * 8 * block.expansion, num_classes)

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, nn.BatchNorm2d | nn.GroupNorm):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def _make_layer(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        planes: int,
        blocks: int,
        stride: int = 1,
    ) -> nn.Sequential:
        norm_layer = self._norm_layer
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                conv1x1(self.inplanes, planes * block.expansion, stride),
                norm_layer(planes * block.expansion),
            )

        layers = []
        layers.append(block(self.inplanes, planes, stride, downsample, norm_layer))
        self.inplanes = planes * block.expansion
        for _ in range(1, blocks):
            layers.append(block(self.inplanes, planes, norm_layer=norm_layer))

        return nn.Sequential(*layers)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = self.bn1(x)
        x = self.relu(x)
        x = self.maxpool(x)

        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)

        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.fc(x)

        return x

    def forward(self, x: Tensor) -> Tensor:
        return self._forward_impl(x)


def resnet18_small(**kwargs: Any) -> ResNet:
    return ResNet(BasicBlock, [2, 2, 2, 2], **kwargs)


def resnet26_bottleneck(**kwargs: Any) -> ResNet:
    return ResNet(Bottleneck, [2, 2, 2, 2], **kwargs)


class PreActBlock(nn.Module):
    """Pre-activation block, in the manner of the popular collections of CIFAR-10 models."""

    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_planes)
        self.conv1 = nn.Conv2d(
            in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False
        )
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)

        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(
                    in_planes, self.expansion * planes, kernel_size=1, stride=stride, bias=False
                )
            )

    def forward(self, x):
        out = F.relu(self.bn1(x))
        shortcut = self.shortcut(out) if hasattr(self, "shortcut") else x
        out = self.conv1(out)
        out = self.conv2(F.relu(self.bn2(out)))
        out += shortcut
        return out


class PreActResNet(nn.Module):
    """Pre-activation ResNet, in the manner of the popular collections of CIFAR-10 models."""

    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.in_planes = 16

        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, stride=1, padding=1, bias=False)
        self.layer1 = self._make_layer(block, 16, num_blocks[0], stride=1)
        self.layer2 = self._make_layer(block, 32, num_blocks[1], stride=2)
        self.layer3 = self._make_layer(block, 64, num_blocks[2], stride=2)
        self.bn = nn.BatchNorm2d(64 * block.expansion)
        self.linear = nn.Linear(64 * block.expansion, num_classes)

    def _make_layer(self, block, planes, num_blocks, stride):
        strides = [stride] + [1] * (num_blocks - 1)
        layers = []
        for s in strides:
            layers.append(block(self.in_planes, planes, s))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        out = self.conv1(x)
        out = self.layer1(out)
        out = self.layer2(out)
        out = self.layer3(out)
        out = F.relu(self.bn(out))
        out = F.avg_pool2d(out, 8)
        out = out.view(out.size(0), -1)
        out = self.linear(out)
        return out


def preact_resnet():
    return PreActResNet(PreActBlock, [1, 2, 1])


class WideBasicBlock(nn.Module):
    """Block of a wide ResNet with and/or expressions, in the manner of the WRN repositories."""

    def __init__(self, in_planes, out_planes, stride, dropRate=0.0):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_planes)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(
            in_planes, out_planes, kernel_size=3, stride=stride, padding=1, bias=False
        )
        self.bn2 = nn.BatchNorm2d(out_planes)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(
            out_planes, out_planes, kernel_size=3, stride=1, padding=1, bias=False
        )
        self.droprate = dropRate
        self.equalInOut = in_planes == out_planes
        self.convShortcut: Any = (
            (not self.equalInOut)
            and nn.Conv2d(
                in_planes, out_planes, kernel_size=1, stride=stride, padding=0, bias=False
            )
        ) or None

    def forward(self, x):
        if not self.equalInOut:
            x = self.relu1(self.bn1(x))
        else:
            out = self.relu1(self.bn1(x))
        out = self.relu2(
            self.bn2(self.conv1(out if self.equalInOut else x))  # pyright: ignore
        )
        if self.droprate > 0:
            out = F.dropout(out, p=self.droprate, training=self.training)
        out = self.conv2(out)
        return torch.add(x if self.equalInOut else self.convShortcut(x), out)


class NetworkBlock(nn.Module):
    """A group of blocks of a wide ResNet, in the manner of the WRN repositories."""

    def __init__(self, nb_layers, in_planes, out_planes, stride, dropRate=0.0):
        super().__init__()
        self.layer = self._make_layer(in_planes, out_planes, nb_layers, stride, dropRate)

    def _make_layer(self, in_planes, out_planes, nb_layers, stride, dropRate):
        layers = []
        for i in range(int(nb_layers)):
            layers.append(
                WideBasicBlock(
                    (i == 0 and in_planes) or out_planes,
                    out_planes,
                    (i == 0 and stride) or 1,
                    dropRate,
                )
            )
        return nn.Sequential(*layers)

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    """Wide ResNet with dropout inside its blocks, in the manner of the WRN repositories."""

    def __init__(self, depth, num_classes, widen_factor=1, dropRate=0.0):
        super().__init__()
        nChannels = [8, 8 * widen_factor, 16 * widen_factor, 32 * widen_factor]
        assert (depth - 4) % 6 == 0
        n = (depth - 4) / 6
        # 1st conv before any network block
        self.conv1 = nn.Conv2d(3, nChannels[0], kernel_size=3, stride=1, padding=1, bias=False)
        # 1st, 2nd and 3rd block
        self.block1 = NetworkBlock(n, nChannels[0], nChannels[1], 1, dropRate)
        self.block2 = NetworkBlock(n, nChannels[1], nChannels[2], 2, dropRate)
        self.block3 = NetworkBlock(n, nChannels[2], nChannels[3], 2, dropRate)
        # global average pooling and classifier
        self.bn1 = nn.BatchNorm2d(nChannels[3])
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(nChannels[3], num_classes)
        self.nChannels = nChannels[3]

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                n = m.kernel_size[0] * m.kernel_size[1] * m.out_channels
                m.weight.data.normal_(0, math.sqrt(2.0 / n))
            elif isinstance(m, nn.BatchNorm2d):
                m.weight.data.fill_(1)
                m.bias.data.zero_()
            elif isinstance(m, nn.Linear):
                m.bias.data.zero_()

    def forward(self, x):
        out = self.conv1(x)
        out = self.block1(out)
        out = self.block2(out)
        out = self.block3(out)
        out = self.relu(self.bn1(out))
        out = F.avg_pool2d(out, 8)
        out = out.view(-1, self.nChannels)
        return self.fc(out)


class ResNeXtBlock(nn.Module):
    """Grouped bottleneck block, in the manner of the popular collections of CIFAR-10 models."""

    expansion = 2

    def __init__(self, in_planes, cardinality=8, bottleneck_width=2, stride=1):
        super().__init__()
        group_width = cardinality * bottleneck_width
        self.conv1 = nn.Conv2d(in_planes, group_width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(group_width)
        self.conv2 = nn.Conv2d(
            group_width,
            group_width,
            kernel_size=3,
            stride=stride,
            padding=1,
            groups=cardinality,
            bias=False,
        )
        self.bn2 = nn.BatchNorm2d(group_width)
        self.conv3 = nn.Conv2d(group_width, self.expansion * group_width, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.expansion * group_width)

        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * group_width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(
                    in_planes,
                    self.expansion * group_width,
                    kernel_size=1,
                    stride=stride,
                    bias=False,
                ),
                nn.BatchNorm2d(self.expansion * group_width),
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.shortcut(x)
        out = F.relu(out)
        return out


class ResNeXt(nn.Module):
    """ResNeXt (Xie et al.), in the manner of the popular collections of CIFAR-10 models."""

    def __init__(self, num_blocks, cardinality, bottleneck_width, num_classes=10):
        super().__init__()
        self.cardinality = cardinality
        self.bottleneck_width = bottleneck_width
        self.in_planes = 16

        self.conv1 = nn.Conv2d(3, 16, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._make_layer(num_blocks[0], 1)
        self.layer2 = self._make_layer(num_blocks[1], 2)
        self.layer3 = self._make_layer(num_blocks[2], 2)
        self.linear = nn.Linear(cardinality * bottleneck_width * 8, num_classes)

    def _make_layer(self, num_blocks, stride):
        strides = [stride] + [1] * (num_blocks - 1)
        layers = []
        for s in strides:
            layers.append(ResNeXtBlock(self.in_planes, self.cardinality, self.bottleneck_width, s))
            self.in_planes = ResNeXtBlock.expansion * self.cardinality * self.bottleneck_width
        # Increase bottleneck_width by 2 after each stage.
        self.bottleneck_width *= 2
        return nn.Sequential(*layers)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer1(out)
        out = self.layer2(out)
        out = self.layer3(out)
        out = F.avg_pool2d(out, 8)
        out = out.view(out.size(0), -1)
        out = self.linear(out)
        return out


# --- mobile networks -----------------------------------------------------------------------


class MobileNetV1(nn.Module):
    """MobileNet with nested builder functions, in the manner of the early ports from Caffe."""

    def __init__(self, num_classes=10):
        super().__init__()

        def conv_bn(inp, oup, stride):
            return nn.Sequential(
                nn.Conv2d(inp, oup, 3, stride, 1, bias=False),
                nn.BatchNorm2d(oup),
                nn.ReLU(inplace=True),
            )

        def conv_dw(inp, oup, stride):
            return nn.Sequential(
                nn.Conv2d(inp, inp, 3, stride, 1, groups=inp, bias=False),
                nn.BatchNorm2d(inp),
                nn.ReLU(inplace=True),
                nn.Conv2d(inp, oup, 1, 1, 0, bias=False),
                nn.BatchNorm2d(oup),
                nn.ReLU(inplace=True),
            )

        self.model = nn.Sequential(
            conv_bn(3, 8, 1),
            conv_dw(8, 16, 1),
            conv_dw(16, 32, 2),
            conv_dw(32, 32, 1),
            conv_dw(32, 64, 2),
            conv_dw(64, 64, 1),
            conv_dw(64, 128, 2),
            conv_dw(128, 128, 1),
            conv_dw(128, 128, 1),
            conv_dw(128, 256, 1),
            nn.AvgPool2d(4),
        )
        self.fc = nn.Linear(256, num_classes)

    def forward(self, x):
        x = self.model(x)
        x = x.view(-1, 256)
        x = self.fc(x)
        return x


def _make_divisible(v, divisor, min_value=None):
    """Channel count that the divisor divides, as in the original TensorFlow repository."""
    if min_value is None:
        min_value = divisor
    new_v = max(min_value, int(v + divisor / 2) // divisor * divisor)
    # Make sure that round down does not go down by more than 10%.
    if new_v < 0.9 * v:
        new_v += divisor
    return new_v


def conv_3x3_bn(inp, oup, stride):
    return nn.Sequential(
        nn.Conv2d(inp, oup, 3, stride, 1, bias=False), nn.BatchNorm2d(oup), nn.ReLU6(inplace=True)
    )


def conv_1x1_bn(inp, oup):
    return nn.Sequential(
        nn.Conv2d(inp, oup, 1, 1, 0, bias=False), nn.BatchNorm2d(oup), nn.ReLU6(inplace=True)
    )


class InvertedResidual(nn.Module):
    """Inverted residual with a linear bottleneck, in the manner of the MobileNetV2 ports."""

    def __init__(self, inp, oup, stride, expand_ratio):
        super().__init__()
        assert stride in [1, 2]

        hidden_dim = round(inp * expand_ratio)
        self.identity = stride == 1 and inp == oup

        if expand_ratio == 1:
            self.conv = nn.Sequential(
                # dw
                nn.Conv2d(hidden_dim, hidden_dim, 3, stride, 1, groups=hidden_dim, bias=False),
                nn.BatchNorm2d(hidden_dim),
                nn.ReLU6(inplace=True),
                # pw-linear
                nn.Conv2d(hidden_dim, oup, 1, 1, 0, bias=False),
                nn.BatchNorm2d(oup),
            )
        else:
            self.conv = nn.Sequential(
                # pw
                nn.Conv2d(inp, hidden_dim, 1, 1, 0, bias=False),
                nn.BatchNorm2d(hidden_dim),
                nn.ReLU6(inplace=True),
                # dw
                nn.Conv2d(hidden_dim, hidden_dim, 3, stride, 1, groups=hidden_dim, bias=False),
                nn.BatchNorm2d(hidden_dim),
                nn.ReLU6(inplace=True),
                # pw-linear
                nn.Conv2d(hidden_dim, oup, 1, 1, 0, bias=False),
                nn.BatchNorm2d(oup),
            )

    def forward(self, x):
        if self.identity:
            return x + self.conv(x)
        else:
            return self.conv(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 at its published depth for small images, in the manner of its PyTorch ports."""

    def __init__(self, num_classes=10, width_mult=1.0, last_channel=1280):
        super().__init__()
        # setting of inverted residual blocks; the first strides are 1 for 32x32 images
        self.cfgs = [
            # t, c, n, s
            [1, 16, 1, 1],
            [6, 24, 2, 1],
            [6, 32, 3, 2],
            [6, 64, 4, 2],
            [6, 96, 3, 1],
            [6, 160, 3, 2],
            [6, 320, 1, 1],
        ]

        # building first layer
        input_channel = _make_divisible(32 * width_mult, 4 if width_mult == 0.1 else 8)
        layers: list[nn.Module] = [conv_3x3_bn(3, input_channel, 1)]
        # building inverted residual blocks
        block = InvertedResidual
        for t, c, n, s in self.cfgs:
            output_channel = _make_divisible(c * width_mult, 4 if width_mult == 0.1 else 8)
            for i in range(n):
                layers.append(block(input_channel, output_channel, s if i == 0 else 1, t))
                input_channel = output_channel
        self.features = nn.Sequential(*layers)
        # building last several layers
        output_channel = (
            _make_divisible(last_channel * width_mult, 8) if width_mult > 1.0 else last_channel
        )
        self.conv = conv_1x1_bn(input_channel, output_channel)
        self.avgpool = nn.AvgPool2d(4, stride=1)
        self.classifier = nn.Linear(output_channel, num_classes)

        self._initialize_weights()

    def forward(self, x):
        x = self.features(x)
        x = self.conv(x)
        x = self.avgpool(x)
        x = x.view(x.size(0), -1)
        x = self.classifier(x)
        return x

    def _initialize_weights(self):
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                n = m.kernel_size[0] * m.kernel_size[1] * m.out_channels // m.groups
                m.weight.data.normal_(0, math.sqrt(2.0 / n))
                if m.bias is not None:
                    m.bias.data.zero_()
            elif isinstance(m, nn.BatchNorm2d):
                m.weight.data.fill_(1)
                m.bias.data.zero_()
            elif isinstance(m, nn.Linear):
                m.weight.data.normal_(0, 0.01)
                m.bias.data.zero_()


class ConvNormActivation(nn.Sequential):
    """Convolution, norm and activation as one block, in the manner of the reference library."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        groups: int = 1,
        norm_layer: Callable[..., nn.Module] = nn.BatchNorm2d,
        activation_layer: Callable[..., nn.Module] | None = nn.ReLU,
    ) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride,
                padding=(kernel_size - 1) // 2,
                groups=groups,
                bias=False,
            ),
            norm_layer(out_channels),
        ]
        if activation_layer is not None:
            layers.append(activation_layer(inplace=True))
        super().__init__(*layers)
        self.out_channels = out_channels


@dataclass
class InvertedResidualConfig:
    """One row of the MobileNetV3 tables, in the manner of the reference library."""

    input_channels: int
    kernel: int
    expanded_channels: int
    out_channels: int
    stride: int

    @property
    def use_res_connect(self) -> bool:
        return self.stride == 1 and self.input_channels == self.out_channels


class InvertedResidualV3(nn.Module):
    """Inverted residual of MobileNetV3 without SE, in the manner of the reference library."""

    def __init__(self, cnf: InvertedResidualConfig, norm_layer: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.use_res_connect = cnf.use_res_connect
        layers: list[nn.Module] = []
        # expand
        if cnf.expanded_channels != cnf.input_channels:
            layers.append(
                ConvNormActivation(
                    cnf.input_channels,
                    cnf.expanded_channels,
                    kernel_size=1,
                    norm_layer=norm_layer,
                )
            )
        # depthwise
        layers.append(
            ConvNormActivation(
                cnf.expanded_channels,
                cnf.expanded_channels,
                kernel_size=cnf.kernel,
                stride=cnf.stride,
                groups=cnf.expanded_channels,
                norm_layer=norm_layer,
            )
        )
        # project
        layers.append(
            ConvNormActivation(
                cnf.expanded_channels,
                cnf.out_channels,
                kernel_size=1,
                norm_layer=norm_layer,
                activation_layer=None,
            )
        )
        self.block = nn.Sequential(*layers)

    def forward(self, input: Tensor) -> Tensor:
        result = self.block(input)
        if self.use_res_connect:
            result += input
        return result


class MobileNetV3SmallReLU(nn.Module):
    """MobileNetV3-small, ReLU everywhere and no SE, in the manner of the "minimalistic" models."""

    def __init__(self, num_classes: int = 10, dropout: float = 0.2) -> None:
        super().__init__()
        norm_layer = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
        conf = InvertedResidualConfig
        setting = [
            conf(8, 3, 8, 8, 2),
            conf(8, 3, 36, 12, 2),
            conf(12, 3, 44, 12, 1),
            conf(12, 5, 48, 20, 2),
            conf(20, 5, 120, 20, 1),
            conf(20, 5, 120, 20, 1),
            conf(20, 5, 60, 24, 1),
            conf(24, 5, 72, 24, 1),
            conf(24, 5, 144, 48, 2),
            conf(48, 5, 288, 48, 1),
            conf(48, 5, 288, 48, 1),
        ]
        layers: list[nn.Module] = [ConvNormActivation(3, 8, 3, stride=1, norm_layer=norm_layer)]
        for cnf in setting:
            layers.append(InvertedResidualV3(cnf, norm_layer))
        lastconv_output_channels = 6 * setting[-1].out_channels
        layers.append(
            ConvNormActivation(
                setting[-1].out_channels,
                lastconv_output_channels,
                kernel_size=1,
                norm_layer=norm_layer,
            )
        )
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(lastconv_output_channels, 256),
            nn.ReLU(inplace=True),
            nn.Dropout(p=dropout, inplace=True),
            nn.Linear(256, num_classes),
        )

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, nn.BatchNorm2d | nn.GroupNorm):
                nn.init.ones_(m.weight)
                nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, 0, 0.01)
                nn.init.zeros_(m.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.classifier(x)
        return x


def channel_shuffle(x, groups):
    batchsize, num_channels, height, width = x.data.size()
    channels_per_group = num_channels // groups

    # reshape
    x = x.view(batchsize, groups, channels_per_group, height, width)
    # transpose
    # - contiguous() required if transpose() is used before view().
    x = torch.transpose(x, 1, 2).contiguous()
    # flatten
    x = x.view(batchsize, -1, height, width)
    return x


class ShuffleUnit(nn.Module):
    """Unit of the first ShuffleNet, add or concat combined, in the manner of its early ports."""

    def __init__(self, in_channels, out_channels, groups=3, combine="add"):
        super().__init__()
        self.groups = groups
        self.combine = combine
        bottleneck_channels = out_channels // 4
        if combine == "add":
            self.depthwise_stride = 1
            self._combine_func = self._add
        elif combine == "concat":
            self.depthwise_stride = 2
            self._combine_func = self._concat
            # ensure output of concat has the same channels as original output channels.
            out_channels -= in_channels
        else:
            raise ValueError(f'Cannot combine tensors with "{combine}"')

        self.g_conv_1x1_compress = nn.Sequential(
            OrderedDict(
                [
                    ("conv1x1", nn.Conv2d(in_channels, bottleneck_channels, 1, groups=groups)),
                    ("batch_norm", nn.BatchNorm2d(bottleneck_channels)),
                    ("relu", nn.ReLU()),
                ]
            )
        )
        self.depthwise_conv3x3 = nn.Conv2d(
            bottleneck_channels,
            bottleneck_channels,
            kernel_size=3,
            stride=self.depthwise_stride,
            padding=1,
            groups=bottleneck_channels,
        )
        self.bn_after_depthwise = nn.BatchNorm2d(bottleneck_channels)
        self.g_conv_1x1_expand = nn.Sequential(
            OrderedDict(
                [
                    ("conv1x1", nn.Conv2d(bottleneck_channels, out_channels, 1, groups=groups)),
                    ("batch_norm", nn.BatchNorm2d(out_channels)),
                ]
            )
        )

    @staticmethod
    def _add(x, out):
        # residual connection
        return x + out

    @staticmethod
    def _concat(x, out):
        # concatenate along channel axis
        return torch.cat((x, out), 1)

    def forward(self, x):
        # save for combining later with output
        residual = x

        if self.combine == "concat":
            residual = F.avg_pool2d(residual, kernel_size=3, stride=2, padding=1)

        out = self.g_conv_1x1_compress(x)
        out = channel_shuffle(out, self.groups)
        out = self.depthwise_conv3x3(out)
        out = self.bn_after_depthwise(out)
        out = self.g_conv_1x1_expand(out)

        out = self._combine_func(residual, out)
        return F.relu(out)


class ShuffleNet(nn.Module):
    """The first ShuffleNet (Zhang et al.), no channel split, in the manner of its early ports."""

    def __init__(self, groups=3, in_channels=3, num_classes=10):
        super().__init__()
        self.groups = groups
        self.stage_repeats = [1, 2, 1]
        self.stage_out_channels = [12, 48, 96, 192]

        self.conv1 = nn.Conv2d(in_channels, self.stage_out_channels[0], 3, padding=1)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stage2 = self._make_stage(0)
        self.stage3 = self._make_stage(1)
        self.stage4 = self._make_stage(2)
        self.fc = nn.Linear(self.stage_out_channels[-1], num_classes)

    def _make_stage(self, stage):
        modules = OrderedDict()
        stage_name = f"ShuffleUnit_Stage{stage + 2}"
        inp, oup = self.stage_out_channels[stage], self.stage_out_channels[stage + 1]
        modules[stage_name + "_0"] = ShuffleUnit(inp, oup, self.groups, combine="concat")
        for i in range(self.stage_repeats[stage]):
            name = stage_name + f"_{i + 1}"
            modules[name] = ShuffleUnit(oup, oup, groups=self.groups, combine="add")
        return nn.Sequential(modules)

    def forward(self, x):
        x = self.conv1(x)
        x = self.maxpool(x)

        x = self.stage2(x)
        x = self.stage3(x)
        x = self.stage4(x)

        # global average pooling layer
        x = F.avg_pool2d(x, x.data.size()[-2:])

        # flatten for input to fully-connected layer
        x = x.view(x.size(0), -1)
        x = self.fc(x)

        return F.log_softmax(x, dim=1)


# --- plain networks for images -------------------------------------------------------------

cfgs = {
    "A": [16, "M", 32, "M", 64, 64, "M", 128, 128, "M", 128, 128, "M"],
    "small": [16, 16, "M", 32, 32, "M", 64, 64, "M"],
}


def make_layers(cfg, batch_norm=False):
    layers = []
    in_channels = 3
    for v in cfg:
        if v == "M":
            layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
        else:
            conv2d = nn.Conv2d(in_channels, v, kernel_size=3, padding=1)
            if batch_norm:
                layers += [conv2d, nn.BatchNorm2d(v), nn.ReLU(inplace=True)]
            else:
                layers += [conv2d, nn.ReLU(inplace=True)]
            in_channels = v
    return nn.Sequential(*layers)


class VGG(nn.Module):
    """VGG with a list as its configuration and one linear layer, in the manner of CIFAR ports."""

    def __init__(self, features, num_classes=10):
        super().__init__()
        self.features = features
        self.classifier = nn.Linear(128, num_classes)
        self._initialize_weights()

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), -1)
        x = self.classifier(x)
        return x

    def _initialize_weights(self):
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                n = m.kernel_size[0] * m.kernel_size[1] * m.out_channels
                m.weight.data.normal_(0, math.sqrt(2.0 / n))
                if m.bias is not None:
                    m.bias.data.zero_()


def vgg11_bn():
    return VGG(make_layers(cfgs["A"], batch_norm=True))


class VGGDropout(nn.Module):
    """VGG with a dense classifier and dropout, in the manner of the reference library."""

    def __init__(self, features: nn.Module, num_classes: int = 10, init_weights: bool = True):
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(
            nn.Linear(64 * 2 * 2, 256),
            nn.ReLU(True),
            nn.Dropout(),
            nn.Linear(256, 256),
            nn.ReLU(True),
            nn.Dropout(),
            nn.Linear(256, num_classes),
        )
        if init_weights:
            for m in self.modules():
                if isinstance(m, nn.Conv2d):
                    nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                    if m.bias is not None:
                        nn.init.constant_(m.bias, 0)
                elif isinstance(m, nn.Linear):
                    nn.init.xavier_uniform_(m.weight)
                    nn.init.constant_(m.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)


def vgg_dropout():
    return VGGDropout(make_layers(cfgs["small"]))


class AlexNet(nn.Module):
    """AlexNet for CIFAR without its dense layers, in the manner of classification toolkits."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, kernel_size=11, stride=4, padding=5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.Conv2d(32, 64, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.Conv2d(64, 96, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(96, 64, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(64, 64, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )
        self.classifier = nn.Linear(64, num_classes)

    def forward(self, x):
        x = self.features(x)
        x = x.view(x.size(0), -1)
        x = self.classifier(x)
        return x


class LeNet5(nn.Module):
    """LeNet-5 of ordered dictionaries with average pooling, in the manner of paper ports."""

    def __init__(self):
        super().__init__()

        self.convnet = nn.Sequential(
            OrderedDict(
                [
                    ("c1", nn.Conv2d(1, 6, kernel_size=(5, 5))),
                    ("relu1", nn.ReLU()),
                    ("s2", nn.AvgPool2d(kernel_size=(2, 2), stride=2)),
                    ("c3", nn.Conv2d(6, 16, kernel_size=(5, 5))),
                    ("relu3", nn.ReLU()),
                    ("s4", nn.AvgPool2d(kernel_size=(2, 2), stride=2)),
                    ("c5", nn.Conv2d(16, 120, kernel_size=(5, 5))),
                    ("relu5", nn.ReLU()),
                ]
            )
        )

        self.fc = nn.Sequential(
            OrderedDict(
                [
                    ("f6", nn.Linear(120, 84)),
                    ("relu6", nn.ReLU()),
                    ("f7", nn.Linear(84, 10)),
                    ("sig7", nn.LogSoftmax(dim=-1)),
                ]
            )
        )

    def forward(self, img):
        output = self.convnet(img)
        output = output.view(img.size(0), -1)
        output = self.fc(output)
        return output


class Net(nn.Module):
    """LeNet of functional calls with dropout, in the manner of the MNIST examples."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 120)
        self.fc2 = nn.Linear(120, 50)
        self.fc3 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, self.num_flat_features(x))
        x = F.relu(self.fc1(x))
        x = F.dropout(x, training=self.training)
        x = F.relu(self.fc2(x))
        x = self.fc3(x)
        return F.log_softmax(x, dim=1)

    def num_flat_features(self, x):
        size = x.size()[1:]  # all dimensions except the batch dimension
        num_features = 1
        for s in size:
            num_features *= s
        return num_features


class NIN(nn.Module):
    """Network in network (Lin et al.), one long Sequential, in the manner of its Caffe ports."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.num_classes = num_classes
        self.classifier = nn.Sequential(
            nn.Conv2d(3, 48, kernel_size=5, stride=1, padding=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(48, 40, kernel_size=1, stride=1, padding=0),
            nn.ReLU(inplace=True),
            nn.Conv2d(40, 24, kernel_size=1, stride=1, padding=0),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            nn.Dropout(0.5),
            nn.Conv2d(24, 48, kernel_size=5, stride=1, padding=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(48, 48, kernel_size=1, stride=1, padding=0),
            nn.ReLU(inplace=True),
            nn.Conv2d(48, 48, kernel_size=1, stride=1, padding=0),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(kernel_size=3, stride=2, padding=1),
            nn.Dropout(0.5),
            nn.Conv2d(48, 48, kernel_size=3, stride=1, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(48, 48, kernel_size=1, stride=1, padding=0),
            nn.ReLU(inplace=True),
            nn.Conv2d(48, self.num_classes, kernel_size=1, stride=1, padding=0),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(kernel_size=8, stride=1, padding=0),
        )
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                init.kaiming_normal_(m.weight, mode="fan_in", nonlinearity="relu")
                if m.bias is not None:
                    m.bias.data.zero_()

    def forward(self, x):
        x = self.classifier(x)
        x = x.view(x.size(0), self.num_classes)
        return x


class AllConvNet(nn.Module):
    """All-CNN-C (Springenberg et al.) with in-place squeezes, in the manner of its ports."""

    def __init__(self, input_size, n_classes=10, **kwargs):
        super().__init__()
        self.conv1 = nn.Conv2d(input_size, 24, 3, padding=1)
        self.conv2 = nn.Conv2d(24, 24, 3, padding=1)
        self.conv3 = nn.Conv2d(24, 24, 3, padding=1, stride=2)
        self.conv4 = nn.Conv2d(24, 48, 3, padding=1)
        self.conv5 = nn.Conv2d(48, 48, 3, padding=1)
        self.conv6 = nn.Conv2d(48, 48, 3, padding=1, stride=2)
        self.conv7 = nn.Conv2d(48, 48, 3, padding=1)
        self.conv8 = nn.Conv2d(48, 48, 1)

        self.class_conv = nn.Conv2d(48, n_classes, 1)
        self.apply(_weights_init)

    def forward(self, x):
        x_drop = F.dropout(x, 0.2, self.training)
        conv1_out = F.relu(self.conv1(x_drop))
        conv2_out = F.relu(self.conv2(conv1_out))
        conv3_out = F.relu(self.conv3(conv2_out))
        conv3_out_drop = F.dropout(conv3_out, 0.5, self.training)
        conv4_out = F.relu(self.conv4(conv3_out_drop))
        conv5_out = F.relu(self.conv5(conv4_out))
        conv6_out = F.relu(self.conv6(conv5_out))
        conv6_out_drop = F.dropout(conv6_out, 0.5, self.training)
        conv7_out = F.relu(self.conv7(conv6_out_drop))
        conv8_out = F.relu(self.conv8(conv7_out))

        class_out = F.relu(self.class_conv(conv8_out))
        pool_out = F.adaptive_avg_pool2d(class_out, 1)
        pool_out.squeeze_(-1)
        pool_out.squeeze_(-1)
        return pool_out


# --- networks with branches ----------------------------------------------------------------


class Fire(nn.Module):
    """Fire module, in the manner of the reference SqueezeNet library code."""

    def __init__(
        self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int
    ) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze_activation(self.squeeze(x))
        return torch.cat(
            [
                self.expand1x1_activation(self.expand1x1(x)),
                self.expand3x3_activation(self.expand3x3(x)),
            ],
            1,
        )


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1 at its published depth, in the manner of the reference library code."""

    def __init__(self, num_classes: int = 10, dropout: float = 0.5) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, kernel_size=3, stride=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),
            Fire(16, 4, 16, 16),
            Fire(32, 4, 16, 16),
            nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),
            Fire(32, 8, 32, 32),
            Fire(64, 8, 32, 32),
            nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True),
            Fire(64, 12, 48, 48),
            Fire(96, 12, 48, 48),
            Fire(96, 16, 64, 64),
            Fire(128, 16, 64, 64),
        )

        # Final convolution is initialized differently from the rest
        final_conv = nn.Conv2d(128, self.num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout),
            final_conv,
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d((1, 1)),
        )

        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                if m is final_conv:
                    init.normal_(m.weight, mean=0.0, std=0.01)
                else:
                    init.kaiming_uniform_(m.weight)
                if m.bias is not None:
                    init.constant_(m.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = self.classifier(x)
        return torch.flatten(x, 1)


class BasicConv2d(nn.Module):
    """Convolution, batch norm, ReLU with keyword arguments, in the manner of Inception ports."""

    def __init__(self, in_channels, out_channels, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x):
        x = self.conv(x)
        x = self.bn(x)
        return F.relu(x, inplace=True)


class Inception(nn.Module):
    """Inception module of four branches, in the manner of the GoogLeNet ports."""

    def __init__(self, in_channels, ch1x1, ch3x3, ch5x5, pool_proj):
        super().__init__()

        self.branch1 = BasicConv2d(in_channels, ch1x1, kernel_size=1)

        self.branch2 = nn.Sequential(
            BasicConv2d(in_channels, ch3x3[0], kernel_size=1),
            BasicConv2d(ch3x3[0], ch3x3[1], kernel_size=3, padding=1),
        )

        self.branch3 = nn.Sequential(
            BasicConv2d(in_channels, ch5x5[0], kernel_size=1),
            BasicConv2d(ch5x5[0], ch5x5[1], kernel_size=5, padding=2),
        )

        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            BasicConv2d(in_channels, pool_proj, kernel_size=1),
        )

    def _forward(self, x):
        branch1 = self.branch1(x)
        branch2 = self.branch2(x)
        branch3 = self.branch3(x)
        branch4 = self.branch4(x)

        outputs = [branch1, branch2, branch3, branch4]
        return outputs

    def forward(self, x):
        outputs = self._forward(x)
        return torch.cat(outputs, 1)


class InceptionAux(nn.Module):
    """Auxiliary classifier of GoogLeNet, which only training uses, in the manner of its ports."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.conv = BasicConv2d(in_channels, 32, kernel_size=1)
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, num_classes)

    def forward(self, x):
        x = F.adaptive_avg_pool2d(x, (4, 4))
        x = self.conv(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x), inplace=True)
        x = F.dropout(x, 0.7, training=self.training)
        return self.fc2(x)


class GoogLeNet(nn.Module):
    """GoogLeNet for small images with an auxiliary classifier, in the manner of its ports."""

    def __init__(self, num_classes=10, aux_logits=True):
        super().__init__()
        self.aux_logits = aux_logits
        self.conv1 = BasicConv2d(3, 16, kernel_size=3, stride=1, padding=1)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(16, 8, (8, 16), (4, 8), 8)
        self.inception3b = Inception(40, 16, (16, 24), (4, 12), 8)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(60, 24, (12, 26), (4, 6), 8)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(64, 32, (20, 40), (4, 16), 16)
        if aux_logits:
            self.aux1 = InceptionAux(64, num_classes)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(104, num_classes)

    def forward(self, x):
        x = self.conv1(x)
        x = self.maxpool1(x)
        x = self.inception3a(x)
        x = self.inception3b(x)
        x = self.maxpool3(x)
        x = self.inception4a(x)
        aux1 = None
        if self.training and self.aux_logits:
            aux1 = self.aux1(x)
        x = self.maxpool4(x)
        x = self.inception5a(x)
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        x = self.dropout(x)
        x = self.fc(x)
        if self.training and self.aux_logits:
            return x, aux1
        return x


class DenseLayer(nn.Module):
    """Layer of a DenseNet that takes a list of tensors, in the manner of the reference library."""

    def __init__(
        self, num_input_features: int, growth_rate: int, bn_size: int, drop_rate: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(
            num_input_features, bn_size * growth_rate, kernel_size=1, stride=1, bias=False
        )

        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(
            bn_size * growth_rate, growth_rate, kernel_size=3, stride=1, padding=1, bias=False
        )

        self.drop_rate = float(drop_rate)

    def bn_function(self, inputs: list[Tensor]) -> Tensor:
        concated_features = torch.cat(inputs, 1)
        bottleneck_output = self.conv1(self.relu1(self.norm1(concated_features)))
        return bottleneck_output

    def forward(self, input: Tensor | list[Tensor]) -> Tensor:
        prev_features = [input] if isinstance(input, Tensor) else input

        bottleneck_output = self.bn_function(prev_features)
        new_features = self.conv2(self.relu2(self.norm2(bottleneck_output)))
        if self.drop_rate > 0:
            new_features = F.dropout(new_features, p=self.drop_rate, training=self.training)
        return new_features


class DenseBlock(nn.ModuleDict):
    """Block of a DenseNet, itself a dictionary, in the manner of the reference library."""

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            layer = DenseLayer(
                num_input_features + i * growth_rate,
                growth_rate=growth_rate,
                bn_size=bn_size,
                drop_rate=drop_rate,
            )
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, init_features: Tensor) -> Tensor:
        features = [init_features]
        for _, layer in self.items():
            new_features = layer(features)
            features.append(new_features)
        return torch.cat(features, 1)


class Transition(nn.Sequential):
    """Transition of a DenseNet with average pooling, in the manner of the reference library."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(
            num_input_features, num_output_features, kernel_size=1, stride=1, bias=False
        )
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """DenseNet-BC (Huang et al.) for small images, in the manner of the reference library."""

    def __init__(
        self,
        growth_rate: int = 8,
        block_config: tuple[int, ...] = (3, 4, 3),
        num_init_features: int = 16,
        bn_size: int = 4,
        drop_rate: float = 0.1,
        *,
        num_classes: int = 10,
    ) -> None:
        super().__init__()

        # First convolution
        self.features = nn.Sequential(
            OrderedDict(
                [
                    ("conv0", nn.Conv2d(3, num_init_features, 3, stride=1, padding=1, bias=False)),
                ]
            )
        )

        # Each denseblock
        num_features = num_init_features
        for i, num_layers in enumerate(block_config):
            block = DenseBlock(
                num_layers=num_layers,
                num_input_features=num_features,
                bn_size=bn_size,
                growth_rate=growth_rate,
                drop_rate=drop_rate,
            )
            self.features.add_module(f"denseblock{i + 1}", block)
            num_features = num_features + num_layers * growth_rate
            if i != len(block_config) - 1:
                trans = Transition(num_features, num_features // 2)
                self.features.add_module(f"transition{i + 1}", trans)
                num_features = num_features // 2

        # Final batch norm
        self.features.add_module("norm5", nn.BatchNorm2d(num_features))

        # Linear layer
        self.classifier = nn.Linear(num_features, num_classes)

        # Official init from torch repo.
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)
            elif isinstance(m, nn.BatchNorm2d):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)
            elif isinstance(m, nn.Linear):
                nn.init.constant_(m.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        out = F.relu(features, inplace=True)
        out = F.adaptive_avg_pool2d(out, (1, 1))
        out = torch.flatten(out, 1)
        out = self.classifier(out)
        return out


class DoubleConv(nn.Module):
    """(convolution => [BN] => ReLU) * 2, in the manner of the U-Net repositories."""

    def __init__(self, in_channels, out_channels, mid_channels=None):
        super().__init__()
        if not mid_channels:
            mid_channels = out_channels
        self.double_conv = nn.Sequential(
            nn.Conv2d(in_channels, mid_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(mid_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_channels, out_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    """Downscaling with maxpool then double conv, in the manner of the U-Net repositories."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(in_channels, out_channels))

    def forward(self, x):
        return self.maxpool_conv(x)


class UNetEncoderClassifier(nn.Module):
    """Encoder of a U-Net with a classification head, in the manner of the U-Net repositories."""

    def __init__(self, n_channels, n_classes):
        super().__init__()
        self.n_channels = n_channels
        self.n_classes = n_classes

        self.inc = DoubleConv(n_channels, 8)
        self.down1 = Down(8, 16)
        self.down2 = Down(16, 32)
        self.down3 = Down(32, 64)
        self.outc = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, n_classes)
        )

    def forward(self, x):
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        logits = self.outc(x4)
        return logits


class RepVGGBlock(nn.Module):
    """Training-time block of RepVGG, three branches summed, in the manner of its authors."""

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.nonlinearity = nn.ReLU()
        self.rbr_identity = (
            nn.BatchNorm2d(num_features=in_channels)
            if out_channels == in_channels and stride == 1
            else None
        )
        self.rbr_dense = self.conv_bn(in_channels, out_channels, 3, stride, 1)
        self.rbr_1x1 = self.conv_bn(in_channels, out_channels, 1, stride, 0)

    @staticmethod
    def conv_bn(in_channels, out_channels, kernel_size, stride, padding):
        result = nn.Sequential()
        result.add_module(
            "conv",
            nn.Conv2d(
                in_channels=in_channels,
                out_channels=out_channels,
                kernel_size=kernel_size,
                stride=stride,
                padding=padding,
                bias=False,
            ),
        )
        result.add_module("bn", nn.BatchNorm2d(num_features=out_channels))
        return result

    def forward(self, inputs):
        if self.rbr_identity is None:
            id_out = 0
        else:
            id_out = self.rbr_identity(inputs)

        return self.nonlinearity(self.rbr_dense(inputs) + self.rbr_1x1(inputs) + id_out)


class RepVGG(nn.Module):
    """RepVGG (Ding et al.) before its branches are merged, in the manner of its authors."""

    def __init__(self, num_blocks, num_classes=10, width=(16, 32, 64)):
        super().__init__()
        self.in_planes = 16
        self.stage0 = RepVGGBlock(3, self.in_planes, stride=1)
        self.stage1 = self._make_stage(width[0], num_blocks[0], stride=2)
        self.stage2 = self._make_stage(width[1], num_blocks[1], stride=2)
        self.stage3 = self._make_stage(width[2], num_blocks[2], stride=2)
        self.gap = nn.AdaptiveAvgPool2d(output_size=1)
        self.linear = nn.Linear(width[2], num_classes)

    def _make_stage(self, planes, num_blocks, stride):
        strides = [stride] + [1] * (num_blocks - 1)
        blocks = []
        for s in strides:
            blocks.append(RepVGGBlock(self.in_planes, planes, stride=s))
            self.in_planes = planes
        return nn.ModuleList(blocks)

    def forward(self, x):
        out = self.stage0(x)
        for stage in (self.stage1, self.stage2, self.stage3):
            for block in stage:
                out = block(out)
        out = self.gap(out)
        out = out.view(out.size(0), -1)
        out = self.linear(out)
        return out


# --- signals -------------------------------------------------------------------------------


class ECGNet(nn.Module):
    """1-D CNN for heartbeats, in the manner of the notebooks on the MIT-BIH data set."""

    def __init__(self, num_classes=5):
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv1d(in_channels=1, out_channels=16, kernel_size=7, padding=3),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.MaxPool1d(kernel_size=3, stride=2, padding=1),
        )
        self.conv2 = nn.Sequential(
            nn.Conv1d(in_channels=16, out_channels=32, kernel_size=5, padding=2),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.MaxPool1d(kernel_size=2),
        )
        self.conv3 = nn.Sequential(
            nn.Conv1d(in_channels=32, out_channels=64, kernel_size=3),
            nn.BatchNorm1d(64),
            nn.ReLU(),
            nn.MaxPool1d(kernel_size=2),
        )
        self.dropout = nn.Dropout(p=0.5)
        self.fc1 = nn.Linear(64 * 22, 64)
        self.fc2 = nn.Linear(64, num_classes)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x):
        x = self.conv1(x)
        x = self.conv2(x)
        x = self.conv3(x)
        x = x.reshape(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = self.dropout(x)
        x = self.fc2(x)
        return self.softmax(x)


class DSCNN(nn.Module):
    """DS-CNN of "Hello Edge" on MFCCs of 49 frames, in the manner of the TinyML benchmarks."""

    def __init__(self, num_labels: int = 12, filters: int = 64, num_blocks: int = 4):
        super().__init__()
        # Input layer
        self.conv1 = nn.Conv2d(1, filters, kernel_size=(10, 4), stride=(2, 2), padding=(5, 1))
        self.bn1 = nn.BatchNorm2d(filters)
        self.relu1 = nn.ReLU()
        self.dropout1 = nn.Dropout(p=0.2)
        # Layers of separable depthwise conv
        self.ds_blocks = nn.ModuleList()
        for _ in range(num_blocks):
            self.ds_blocks.append(
                nn.Sequential(
                    nn.Conv2d(filters, filters, kernel_size=(3, 3), padding=1, groups=filters),
                    nn.BatchNorm2d(filters),
                    nn.ReLU(),
                    nn.Conv2d(filters, filters, kernel_size=(1, 1)),
                    nn.BatchNorm2d(filters),
                    nn.ReLU(),
                )
            )
        self.dropout2 = nn.Dropout(p=0.4)
        self.avgpool = nn.AvgPool2d(kernel_size=(25, 5))
        self.out = nn.Linear(filters, num_labels)

    def forward(self, input):
        x = self.dropout1(self.relu1(self.bn1(self.conv1(input))))
        for block in self.ds_blocks:
            x = block(x)
        x = self.dropout2(x)
        x = self.avgpool(x)
        x = torch.squeeze(torch.squeeze(x, dim=3), dim=2)
        x = self.out(x)
        return x


class M5(nn.Module):
    """M5 (Dai et al.) on raw audio, in the manner of the speech command tutorials."""

    def __init__(self, n_input=1, n_output=35, stride=16, n_channel=32):
        super().__init__()
        self.conv1 = nn.Conv1d(n_input, n_channel, kernel_size=80, stride=stride)
        self.bn1 = nn.BatchNorm1d(n_channel)
        self.pool1 = nn.MaxPool1d(4)
        self.conv2 = nn.Conv1d(n_channel, n_channel, kernel_size=3)
        self.bn2 = nn.BatchNorm1d(n_channel)
        self.pool2 = nn.MaxPool1d(4)
        self.conv3 = nn.Conv1d(n_channel, 2 * n_channel, kernel_size=3)
        self.bn3 = nn.BatchNorm1d(2 * n_channel)
        self.pool3 = nn.MaxPool1d(4)
        self.conv4 = nn.Conv1d(2 * n_channel, 2 * n_channel, kernel_size=3)
        self.bn4 = nn.BatchNorm1d(2 * n_channel)
        self.fc1 = nn.Linear(2 * n_channel, n_output)

    def forward(self, x):
        x = self.conv1(x)
        x = F.relu(self.bn1(x))
        x = self.pool1(x)
        x = self.conv2(x)
        x = F.relu(self.bn2(x))
        x = self.pool2(x)
        x = self.conv3(x)
        x = F.relu(self.bn3(x))
        x = self.pool3(x)
        x = self.conv4(x)
        x = F.relu(self.bn4(x))
        x = F.avg_pool1d(x, x.shape[-1])
        x = x.permute(0, 2, 1)
        x = self.fc1(x)
        return F.log_softmax(x, dim=2).squeeze(1)


class TemporalBlock(nn.Module):
    """Residual block of dilated, weight-normed convolutions, in the manner of the TCN authors."""

    def __init__(self, n_inputs, n_outputs, kernel_size, dilation, dropout=0.2):
        super().__init__()
        padding = dilation * (kernel_size - 1) // 2
        self.conv1 = weight_norm(
            nn.Conv1d(n_inputs, n_outputs, kernel_size, padding=padding, dilation=dilation)
        )
        self.relu1 = nn.ReLU()
        self.dropout1 = nn.Dropout(dropout)

        self.conv2 = weight_norm(
            nn.Conv1d(n_outputs, n_outputs, kernel_size, padding=padding, dilation=dilation)
        )
        self.relu2 = nn.ReLU()
        self.dropout2 = nn.Dropout(dropout)

        self.net = nn.Sequential(
            self.conv1, self.relu1, self.dropout1, self.conv2, self.relu2, self.dropout2
        )
        self.downsample = nn.Conv1d(n_inputs, n_outputs, 1) if n_inputs != n_outputs else None
        self.relu = nn.ReLU()

    def forward(self, x):
        out = self.net(x)
        res = x if self.downsample is None else self.downsample(x)
        return self.relu(out + res)


class TCN(nn.Module):
    """Temporal convolutional network, not causal, in the manner of the TCN authors."""

    def __init__(self, input_size, output_size, num_channels, kernel_size=3, dropout=0.2):
        super().__init__()
        layers = []
        num_levels = len(num_channels)
        for i in range(num_levels):
            dilation_size = 2**i
            in_channels = input_size if i == 0 else num_channels[i - 1]
            out_channels = num_channels[i]
            layers += [
                TemporalBlock(in_channels, out_channels, kernel_size, dilation_size, dropout)
            ]
        self.network = nn.Sequential(*layers)
        self.linear = nn.Linear(num_channels[-1], output_size)

    def forward(self, x):
        y1 = self.network(x)
        return self.linear(y1.mean(dim=-1))


class RadioCNN(nn.Module):
    """VT-CNN2 for I/Q samples as a 2xN image, in the manner of the RadioML ports from Keras."""

    def __init__(self, num_classes=11):
        super().__init__()
        self.pad = nn.ZeroPad2d((2, 2, 0, 0))
        self.conv1 = nn.Conv2d(1, 32, (1, 3))
        self.conv2 = nn.Conv2d(32, 16, (2, 3))
        self.pool = nn.MaxPool2d((1, 4))
        self.drop = nn.Dropout(0.5)
        self.dense1 = nn.Linear(16 * 1 * 33, 64)
        self.dense2 = nn.Linear(64, 32)
        self.dense3 = nn.Linear(32, num_classes)

    def forward(self, x):
        x = x.unsqueeze(1)  # (N, 2, 128) -> (N, 1, 2, 128)
        x = self.drop(torch.relu(self.conv1(self.pad(x))))
        x = self.drop(torch.relu(self.conv2(self.pad(x))))
        x = self.pool(x)
        x = x.flatten(start_dim=1)
        x = self.drop(torch.relu(self.dense1(x)))
        x = torch.relu(self.dense2(x))
        return torch.softmax(self.dense3(x), dim=-1)


class ResBlock1d(nn.Module):
    """1-D residual block, in the manner of the time series classification repositories."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv_x = nn.Conv1d(in_channels, out_channels, 8, padding="same", bias=False)
        self.bn_x = nn.BatchNorm1d(out_channels)
        self.conv_y = nn.Conv1d(out_channels, out_channels, 5, padding="same", bias=False)
        self.bn_y = nn.BatchNorm1d(out_channels)
        self.conv_z = nn.Conv1d(out_channels, out_channels, 3, padding="same", bias=False)
        self.bn_z = nn.BatchNorm1d(out_channels)
        self.shortcut = nn.Sequential(
            *([] if in_channels == out_channels else [nn.Conv1d(in_channels, out_channels, 1)]),
            nn.BatchNorm1d(out_channels),
        )

    def forward(self, x):
        out = F.relu(self.bn_x(self.conv_x(x)))
        out = F.relu(self.bn_y(self.conv_y(out)))
        out = self.bn_z(self.conv_z(out))
        out = out.add(self.shortcut(x))
        return out.relu()


class TimeSeriesResNet(nn.Module):
    """ResNet for time series (Wang et al.), an even kernel and 'same', in the manner of ports."""

    def __init__(self, n_in=2, n_classes=6, n_feature_maps=16):
        super().__init__()
        self.layers = nn.Sequential(
            ResBlock1d(n_in, n_feature_maps),
            ResBlock1d(n_feature_maps, n_feature_maps * 2),
            ResBlock1d(n_feature_maps * 2, n_feature_maps * 2),
        )
        self.gap = nn.AdaptiveAvgPool1d(1)
        self.final = nn.Linear(n_feature_maps * 2, n_classes)

    def forward(self, x):
        x = self.layers(x)
        x = self.gap(x).squeeze(-1)
        return self.final(x)


# --- dense networks ------------------------------------------------------------------------


class MLPBatchNorm(nn.Module):
    """MLP with batch norm built from a list of sizes, in the manner of tabular data notebooks."""

    def __init__(self, input_dim=64, hidden_dims=(96, 96, 64, 64, 32), output_dim=10):
        super().__init__()
        layers = []
        dims = [input_dim, *hidden_dims]
        for i in range(len(dims) - 1):
            layers.append(nn.Linear(dims[i], dims[i + 1], bias=False))
            layers.append(nn.BatchNorm1d(dims[i + 1]))
            layers.append(nn.ReLU(inplace=True))
        layers.append(nn.Linear(dims[-1], output_dim))
        self.mlp = nn.Sequential(*layers)

    def forward(self, x):
        return self.mlp(x)


class MLPDropout(nn.Module):
    """MLP on flattened images with a ModuleList, in the manner of course exercises."""

    def __init__(self, input_size=784, output_size=10, hidden_layers=(64, 64, 48, 48, 32)):
        super().__init__()
        self.hidden_layers = nn.ModuleList([nn.Linear(input_size, hidden_layers[0])])
        layer_sizes = pairwise(hidden_layers)
        self.hidden_layers.extend([nn.Linear(h1, h2) for h1, h2 in layer_sizes])
        self.output = nn.Linear(hidden_layers[-1], output_size)
        self.dropout = nn.Dropout(p=0.5)

    def forward(self, x):
        # make sure input tensor is flattened
        x = x.view(x.shape[0], -1)
        for each in self.hidden_layers:
            x = F.relu(each(x))
            x = self.dropout(x)
        x = self.output(x)
        return F.log_softmax(x, dim=1)

    @torch.no_grad()
    def predict(self, x):
        return self.forward(x).argmax(dim=1)


class Predictor(nn.Module):
    """A trained network that answers with a class, in the manner of deployment scripts."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        logits = self.model(x)
        return torch.argmax(logits, dim=1)


class ResidualLinear(nn.Module):
    """Dense residual block, shortcut decided by shapes, in the manner of tabular ResNets."""

    def __init__(self, in_features, out_features):
        super().__init__()
        self.fc1 = nn.Linear(in_features, out_features)
        self.bn1 = nn.BatchNorm1d(out_features)
        self.fc2 = nn.Linear(out_features, out_features)
        self.bn2 = nn.BatchNorm1d(out_features)
        self.proj = nn.Linear(in_features, out_features, bias=False)

    def forward(self, x):
        identity = x
        x = self.bn1(self.fc1(x)).relu()
        x = self.bn2(self.fc2(x))
        if identity.shape != x.shape:
            identity = self.proj(identity)
        x += identity
        return x.relu_()


class MLPSkip(nn.Module):
    """MLP with skip connections, in the manner of the ResNets for tabular data."""

    def __init__(self, n_features=64, n_classes=4, width=48, n_blocks=3):
        super().__init__()
        blocks = [ResidualLinear(n_features, width)]
        blocks += [ResidualLinear(width, width) for _ in range(n_blocks - 1)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(width, n_classes)

    def forward(self, x):
        return self.head(self.blocks(x))


# --- activations ---------------------------------------------------------------------------


class ConvBNLeaky(nn.Sequential):
    """Convolution, batch norm and leaky ReLU, in the manner of the Darknet ports."""

    def __init__(self, in_channels, out_channels, size=3):
        super().__init__()
        self.add_module(
            "conv",
            nn.Conv2d(in_channels, out_channels, size, stride=1, padding=size // 2, bias=False),
        )
        self.add_module("batch_norm", nn.BatchNorm2d(out_channels, momentum=0.1, eps=1e-5))
        self.add_module("leaky", nn.LeakyReLU(0.1))


class TinyDarknet(nn.Module):
    """Classifier of leaky layers like Tiny Darknet, in the manner of the YOLO ports."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.layer_1 = ConvBNLeaky(3, 16)
        self.layer_2 = nn.MaxPool2d(2, 2)
        self.layer_3 = ConvBNLeaky(16, 32)
        self.layer_4 = nn.MaxPool2d(2, 2)
        self.layer_5 = ConvBNLeaky(32, 16, size=1)
        self.layer_6 = ConvBNLeaky(16, 64)
        self.layer_7 = nn.MaxPool2d(2, 2)
        self.layer_8 = ConvBNLeaky(64, 32, size=1)
        self.layer_9 = ConvBNLeaky(32, 96)
        self.layer_10 = nn.Conv2d(96, num_classes, kernel_size=1)

    def forward(self, x):
        for i in range(1, 11):
            x = getattr(self, f"layer_{i}")(x)
        x = F.avg_pool2d(x, kernel_size=x.shape[2:])
        return x.flatten(1)


class SphereNet(nn.Module):
    """PReLU network with residual pairs, in the manner of the SphereFace repositories."""

    def __init__(self, classnum=20, feature=False):
        super().__init__()
        self.classnum = classnum
        self.feature = feature
        # input = B*3*32*32
        self.conv1_1 = nn.Conv2d(3, 16, 3, 2, 1)  # =>B*16*16*16
        self.relu1_1 = nn.PReLU(16)
        self.conv1_2 = nn.Conv2d(16, 16, 3, 1, 1)
        self.relu1_2 = nn.PReLU(16)
        self.conv1_3 = nn.Conv2d(16, 16, 3, 1, 1)
        self.relu1_3 = nn.PReLU(16)

        self.conv2_1 = nn.Conv2d(16, 32, 3, 2, 1)  # =>B*32*8*8
        self.relu2_1 = nn.PReLU(32)
        self.conv2_2 = nn.Conv2d(32, 32, 3, 1, 1)
        self.relu2_2 = nn.PReLU(32)
        self.conv2_3 = nn.Conv2d(32, 32, 3, 1, 1)
        self.relu2_3 = nn.PReLU(32)

        self.conv3_1 = nn.Conv2d(32, 48, 3, 2, 1)  # =>B*48*4*4
        self.relu3_1 = nn.PReLU()

        self.fc5 = nn.Linear(48 * 4 * 4, 64)
        self.fc6 = nn.Linear(64, self.classnum, bias=False)

    def forward(self, x):
        x = self.relu1_1(self.conv1_1(x))
        x = x + self.relu1_3(self.conv1_3(self.relu1_2(self.conv1_2(x))))

        x = self.relu2_1(self.conv2_1(x))
        x = x + self.relu2_3(self.conv2_3(self.relu2_2(self.conv2_2(x))))

        x = self.relu3_1(self.conv3_1(x))

        x = x.view(x.size(0), -1)
        x = self.fc5(x)
        if self.feature:
            return x

        x = self.fc6(x)
        return x


class HardtanhVGG(nn.Module):
    """VGG of Hardtanh and pooling before the norm, in the manner of binarised networks."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.infl_ratio = 1
        self.features = nn.Sequential(
            nn.Conv2d(3, 16 * self.infl_ratio, kernel_size=3, stride=1, padding=1, bias=True),
            nn.BatchNorm2d(16 * self.infl_ratio),
            nn.Hardtanh(inplace=True),
            nn.Conv2d(16 * self.infl_ratio, 16 * self.infl_ratio, kernel_size=3, padding=1),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.BatchNorm2d(16 * self.infl_ratio),
            nn.Hardtanh(inplace=True),
            nn.Conv2d(16 * self.infl_ratio, 32 * self.infl_ratio, kernel_size=3, padding=1),
            nn.BatchNorm2d(32 * self.infl_ratio),
            nn.Hardtanh(inplace=True),
            nn.Conv2d(32 * self.infl_ratio, 32, kernel_size=3, padding=1, bias=True),
            nn.MaxPool2d(kernel_size=2, stride=2),
            nn.BatchNorm2d(32),
            nn.Hardtanh(inplace=True),
        )
        self.classifier = nn.Sequential(
            nn.Linear(32 * 8 * 8, 64, bias=True),
            nn.BatchNorm1d(64),
            nn.Hardtanh(inplace=True),
            nn.Linear(64, num_classes),
            nn.BatchNorm1d(num_classes, affine=False),
            nn.LogSoftmax(dim=1),
        )

    def forward(self, x):
        x = self.features(x)
        x = x.view(-1, 32 * 8 * 8)
        x = self.classifier(x)
        return x


class BoundedCNN(nn.Module):
    """CNN of activations in 0..1 as for unary hardware, in the manner of quantisation papers."""

    def __init__(self, num_classes: int = 10):
        super().__init__()
        self.act = nn.Hardtanh(0, 1)
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 32, 3, bias=False)
        self.bn3 = nn.BatchNorm2d(32)
        self.fc = nn.Linear(32 * 5 * 5, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.bn1(self.conv1(x)))
        x = F.avg_pool2d(x, 2)
        x = self.act(self.bn2(self.conv2(x)))
        x = F.avg_pool2d(x, 2)
        x = torch.clamp(self.bn3(self.conv3(x)), 0.0, 1.0)
        return self.fc(x.flatten(1))


class ReLU6Net(nn.Module):
    """Small network with ReLU6 everywhere, in the manner of quantisation tutorials."""

    def __init__(self, in_channels=1, num_classes=10):
        super().__init__()
        self.block1 = self.conv_block(
            c_in=in_channels, c_out=16, kernel_size=5, stride=1, padding=2
        )
        self.block2 = self.conv_block(c_in=16, c_out=24, kernel_size=3, stride=1, padding=1)
        self.block3 = self.conv_block(c_in=24, c_out=32, kernel_size=3, stride=2, padding=1)
        self.lastcnn = nn.Conv2d(in_channels=32, out_channels=16, kernel_size=7)
        self.fc = nn.Linear(16, num_classes)
        self.maxpool = nn.MaxPool2d(kernel_size=2, stride=2)

    def forward(self, x):
        x = self.block1(x)
        x = self.maxpool(x)
        x = self.block2(x)
        x = self.block3(x)
        x = F.relu6(self.lastcnn(x))
        x = x.view(x.shape[0], x.shape[1])
        return self.fc(x)

    def conv_block(self, c_in, c_out, **kwargs):
        seq_block = nn.Sequential(
            nn.Conv2d(in_channels=c_in, out_channels=c_out, **kwargs),
            nn.BatchNorm2d(num_features=c_out),
            nn.ReLU6(),
        )
        return seq_block


# --- padding, pooling, sharing and other spellings -----------------------------------------


class KerasSeparable(nn.Module):
    """Separable convolution with explicit padding, in the manner of networks ported from Keras."""

    def __init__(self, in_filters, out_filters, strides=1):
        super().__init__()
        self.pad = nn.ZeroPad2d((0, 1, 0, 1)) if strides == 2 else None
        self.depthwise_conv2d = nn.Conv2d(
            in_filters,
            in_filters,
            3,
            stride=strides,
            padding=0 if strides == 2 else "same",
            groups=in_filters,
            bias=False,
        )
        self.depthwise_bn = nn.BatchNorm2d(in_filters, eps=1e-3, momentum=0.01)
        self.pointwise_conv2d = nn.Conv2d(in_filters, out_filters, 1, padding="same", bias=False)
        self.pointwise_bn = nn.BatchNorm2d(out_filters, eps=1e-3, momentum=0.01)

    def forward(self, x):
        if self.pad is not None:
            x = self.pad(x)
        x = F.relu6(self.depthwise_bn(self.depthwise_conv2d(x)))
        x = F.relu6(self.pointwise_bn(self.pointwise_conv2d(x)))
        return x


class KerasMobileNet(nn.Module):
    """MobileNet with TensorFlow's asymmetric padding, in the manner of networks ported from it."""

    def __init__(self, classes=10):
        super().__init__()
        self.conv1_pad = nn.ZeroPad2d((0, 1, 0, 1))
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=0, bias=False)
        self.conv1_bn = nn.BatchNorm2d(8, eps=1e-3, momentum=0.01)
        self.conv1_relu = nn.ReLU6()
        self.block1 = KerasSeparable(8, 16)
        self.block2 = KerasSeparable(16, 32, strides=2)
        self.block3 = KerasSeparable(32, 32)
        self.block4 = KerasSeparable(32, 64, strides=2)
        self.block5 = KerasSeparable(64, 64)
        self.predictions = nn.Linear(64, classes)

    def forward(self, x):
        # Inputs in 0..1, the network was trained on -1..1.
        x = x * 2.0 - 1.0
        x = self.conv1_relu(self.conv1_bn(self.conv1(self.conv1_pad(x))))
        x = self.block1(x)
        x = self.block2(x)
        x = self.block3(x)
        x = self.block4(x)
        x = self.block5(x)
        x = torch.mean(x, dim=[2, 3])
        return torch.softmax(self.predictions(x), dim=1)


class SamePaddingNet(nn.Module):
    """Network with padding given by name and ceiled pooling, in the manner of Kaggle kernels."""

    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding="same"),
            nn.ReLU(),
            nn.Conv2d(16, 16, (5, 5), padding="same"),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.BatchNorm2d(16),
            nn.Conv2d(16, 32, 3, dilation=2, padding="same"),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, padding="valid"),
            nn.ReLU(),
            nn.AvgPool2d(kernel_size=5, stride=2, ceil_mode=True),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(32 * 5 * 5, 64),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(64, 10),
        )

    def forward(self, x):
        return self.model(x)


class GlobalMaxNet(nn.Module):
    """Multi-label tagger with a global maximum and a sigmoid, in the manner of audio taggers."""

    def __init__(self, n_class=6):
        super().__init__()
        # Spectrogram
        self.spec_bn = nn.BatchNorm2d(1)

        # CNN
        self.layer1 = self.conv_2d(1, 16, pooling=2)
        self.layer2 = self.conv_2d(16, 16, pooling=2)
        self.layer3 = self.conv_2d(16, 32, pooling=(2, 1))
        self.layer4 = self.conv_2d(32, 32, pooling=(1, 2))

        # Dense
        self.dense1 = nn.Linear(32, 32)
        self.bn = nn.BatchNorm1d(32)
        self.dense2 = nn.Linear(32, n_class)
        self.dropout = nn.Dropout(0.5)
        self.relu = nn.ReLU()

    def conv_2d(self, input_channels, output_channels, shape=3, pooling: int | tuple[int, int] = 2):
        return nn.Sequential(
            nn.Conv2d(input_channels, output_channels, shape, stride=1, padding=shape // 2),
            nn.BatchNorm2d(output_channels),
            nn.ReLU(),
            nn.MaxPool2d(pooling),
        )

    def forward(self, x):
        x = self.spec_bn(x)

        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)

        # Global Max Pooling
        x = F.max_pool2d(x, kernel_size=x.size()[2:])
        x = x.squeeze(3).squeeze(2)

        # Dense
        x = self.dense1(x)
        x = self.bn(x)
        x = self.relu(x)
        x = self.dropout(x)
        x = self.dense2(x)
        x = nn.Sigmoid()(x)

        return x


class SharedConvNet(nn.Module):
    """Recursive network whose one convolution is applied again, in the manner of DRCN papers."""

    def __init__(self, channels=24, steps=3, n_classes=10):
        super().__init__()
        self.steps = steps
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.embed = nn.Conv2d(1, channels, 3, padding=1)
        self.recursive = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.squash = nn.Conv2d(channels, 16, 3, stride=2, padding=1)
        self.fc = nn.Linear(16 * 4 * 4, n_classes)

    def forward(self, x):
        h = self.pool(self.relu(self.embed(x)))
        h0 = h
        for _ in range(self.steps - 1):
            h = self.relu(self.recursive(h) + h0)
        h = self.pool(h)
        h = self.relu(self.squash(h))
        h = h.reshape(h.size(0), -1)
        return self.fc(h)


class NormalizedCNN(nn.Module):
    """Model that normalises its own input from buffers, in the manner of robustness benchmarks."""

    mean: Tensor
    std: Tensor

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2471, 0.2435, 0.2616]).view(1, 3, 1, 1))
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 4, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 32, 3, padding=1)
        self.conv4 = nn.Conv2d(32, 48, 4, stride=2, padding=1)
        self.fc1 = nn.Linear(48 * 8 * 8, 64)
        self.fc2 = nn.Linear(64, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / self.std
        x = F.relu(self.conv1(x), inplace=True)
        x = F.relu(self.conv2(x), inplace=True)
        x = F.relu(self.conv3(x), inplace=True)
        x = F.relu(self.conv4(x), inplace=True)
        x = x.reshape(x.size(0), -1)
        x = F.relu(self.fc1(x), inplace=True)
        return self.fc2(x)


class Learner(nn.Module):
    """Network interpreted from a list of functional calls, in the manner of the MAML ports."""

    def __init__(self, config):
        super().__init__()

        self.config = config
        # this dict contains all tensors needed to be optimized
        self.vars = nn.ParameterList()
        # running_mean and running_var
        self.vars_bn = nn.ParameterList()

        for name, param in self.config:
            if name == "conv2d":
                # [ch_out, ch_in, kernelsz, kernelsz]
                w = nn.Parameter(torch.ones(*param[:4]))
                # gain=1 according to cbfin's implementation
                torch.nn.init.kaiming_normal_(w)
                self.vars.append(w)
                # [ch_out]
                self.vars.append(nn.Parameter(torch.zeros(param[0])))

            elif name == "linear":
                # [ch_out, ch_in]
                w = nn.Parameter(torch.ones(*param))
                torch.nn.init.kaiming_normal_(w)
                self.vars.append(w)
                # [ch_out]
                self.vars.append(nn.Parameter(torch.zeros(param[0])))

            elif name == "bn":
                # [ch_out]
                w = nn.Parameter(torch.ones(param[0]))
                self.vars.append(w)
                # [ch_out]
                self.vars.append(nn.Parameter(torch.zeros(param[0])))

                # must set requires_grad=False
                running_mean = nn.Parameter(torch.zeros(param[0]), requires_grad=False)
                running_var = nn.Parameter(torch.ones(param[0]), requires_grad=False)
                self.vars_bn.extend([running_mean, running_var])

            elif name in ["relu", "leakyrelu", "max_pool2d", "flatten"]:
                continue
            else:
                raise NotImplementedError

    def forward(self, x, vars=None):
        if vars is None:
            vars = self.vars

        idx = 0
        bn_idx = 0

        for name, param in self.config:
            if name == "conv2d":
                w, b = vars[idx], vars[idx + 1]
                x = F.conv2d(x, w, b, stride=param[4], padding=param[5])
                idx += 2
            elif name == "linear":
                w, b = vars[idx], vars[idx + 1]
                x = F.linear(x, w, b)
                idx += 2
            elif name == "bn":
                w, b = vars[idx], vars[idx + 1]
                running_mean, running_var = self.vars_bn[bn_idx], self.vars_bn[bn_idx + 1]
                x = F.batch_norm(
                    x, running_mean, running_var, weight=w, bias=b, training=self.training
                )
                idx += 2
                bn_idx += 2
            elif name == "flatten":
                x = x.view(x.size(0), -1)
            elif name == "relu":
                x = F.relu(x, inplace=param[0])
            elif name == "leakyrelu":
                x = F.leaky_relu(x, negative_slope=param[0], inplace=param[1])
            elif name == "max_pool2d":
                x = F.max_pool2d(x, param[0], param[1], param[2])
            else:
                raise NotImplementedError

        # make sure variable is used properly
        assert idx == len(vars)
        assert bn_idx == len(self.vars_bn)

        return x


def maml_learner():
    config: list[tuple[str, list]] = [
        ("conv2d", [16, 3, 3, 3, 1, 1]),
        ("relu", [True]),
        ("bn", [16]),
        ("max_pool2d", [2, 2, 0]),
        ("conv2d", [16, 16, 3, 3, 1, 1]),
        ("relu", [True]),
        ("bn", [16]),
        ("max_pool2d", [2, 2, 0]),
        ("conv2d", [32, 16, 3, 3, 1, 1]),
        ("relu", [True]),
        ("bn", [32]),
        ("max_pool2d", [2, 2, 0]),
        ("conv2d", [32, 32, 3, 3, 1, 0]),
        ("leakyrelu", [0.2, False]),
        ("bn", [32]),
        ("max_pool2d", [2, 1, 0]),
        ("flatten", []),
        ("linear", [5, 32]),
    ]
    return Learner(config)


class MultiTaskNet(nn.Module):
    """Network of two heads that returns one of them, in the manner of multi-task repositories."""

    def __init__(self, backbone_channels=(16, 32, 32), task="digit"):
        super().__init__()
        self.task = task
        stages = OrderedDict()
        c_in = 1
        for i, c_out in enumerate(backbone_channels, start=1):
            stages[f"conv{i}"] = nn.Conv2d(c_in, c_out, kernel_size=3, padding=1)
            stages[f"norm{i}"] = nn.BatchNorm2d(c_out)
            stages[f"act{i}"] = nn.ReLU()
            stages[f"pool{i}"] = nn.MaxPool2d(2)
            c_in = c_out
        self.backbone = nn.Sequential(stages)
        self.heads = nn.ModuleDict(
            {
                "digit": nn.Sequential(nn.Linear(c_in * 9, 48), nn.ReLU(), nn.Linear(48, 10)),
                "parity": nn.Sequential(nn.Linear(c_in * 9, 16), nn.ReLU(), nn.Linear(16, 2)),
            }
        )

    def forward(self, x):
        features = self.backbone(x).flatten(1)
        outputs = {name: head(features) for name, head in self.heads.items()}
        return outputs[self.task]


def conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


class ProtoNetEncoder(nn.Module):
    """Encoder of four blocks that returns an embedding, in the manner of the few-shot ports."""

    def __init__(self, x_dim: int = 1, hid_dim: int = 32, z_dim: int = 32):
        super().__init__()
        self.encoder = nn.Sequential(
            conv_block(x_dim, hid_dim),
            conv_block(hid_dim, hid_dim),
            conv_block(hid_dim, hid_dim),
            conv_block(hid_dim, z_dim),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.encoder(x)
        return x.view(x.size(0), -1)


class BranchyNet(nn.Module):
    """Network with an early exit that only training takes, in the manner of BranchyNet's ports."""

    def __init__(self, n_classes=10):
        super().__init__()
        self.stem = weight_norm(nn.Conv2d(3, 16, kernel_size=5, stride=2, padding=2, bias=True))
        self.body = nn.ModuleList(
            [
                weight_norm(nn.Conv2d(16, 32, kernel_size=3, padding=1), name="weight", dim=0),
                weight_norm(nn.Conv2d(32, 32, kernel_size=3, padding=1)),
                weight_norm(nn.Conv2d(32, 48, kernel_size=3, padding=1)),
            ]
        )
        self.exit = nn.Linear(16, n_classes)
        self.fc = weight_norm(nn.Linear(48, n_classes))

    def forward(self, x):
        x = F.leaky_relu(self.stem(x), 0.1)
        early = None
        if self.training:
            early = self.exit(x.mean([2, 3]))
        for i, conv in enumerate(self.body):
            x = F.leaky_relu(conv(x), negative_slope=0.1)
            if i < len(self.body) - 1:
                x = F.max_pool2d(x, kernel_size=2)
        x = x.mean([2, 3])
        out = self.fc(x)
        if self.training:
            return out, early
        return out


class SimpleCNNPredictor(nn.Module):
    """CNN that answers with the class itself, in the manner of demonstrations for the web."""

    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=5, stride=1, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )
        self.layer2 = nn.Sequential(
            nn.Conv2d(16, 32, kernel_size=5, stride=1, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )
        self.drop_out = nn.Dropout()
        self.fc1 = nn.Linear(7 * 7 * 32, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        out = self.layer1(x)
        out = self.layer2(out)
        out = out.reshape(out.size(0), -1)
        out = self.drop_out(out)
        out = self.fc1(out)
        out = self.fc2(out)
        prob = F.softmax(out, dim=1)
        _, predicted = torch.max(prob, 1)
        return predicted


FOREIGN: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "resnet20": (resnet20, (3, 32, 32)),
    "resnet18_small": (resnet18_small, (3, 32, 32)),
    "resnet26_bottleneck": (lambda: resnet26_bottleneck(width=8), (3, 64, 64)),
    "preact_resnet": (preact_resnet, (3, 32, 32)),
    "wide_resnet": (lambda: WideResNet(10, 10, widen_factor=2, dropRate=0.3), (3, 32, 32)),
    "resnext": (lambda: ResNeXt([1, 2, 1], cardinality=8, bottleneck_width=2), (3, 32, 32)),
    "mobilenet_v1": (MobileNetV1, (3, 32, 32)),
    "mobilenet_v2": (lambda: MobileNetV2(width_mult=0.35, last_channel=320), (3, 32, 32)),
    "mobilenet_v3_small_relu": (MobileNetV3SmallReLU, (3, 32, 32)),
    "shufflenet_v1": (ShuffleNet, (3, 32, 32)),
    "vgg11_bn": (vgg11_bn, (3, 32, 32)),
    "vgg_dropout": (vgg_dropout, (3, 32, 32)),
    "alexnet_cifar": (AlexNet, (3, 32, 32)),
    "lenet5_avgpool": (LeNet5, (1, 32, 32)),
    "lenet_functional": (Net, (1, 28, 28)),
    "nin": (NIN, (3, 32, 32)),
    "all_cnn": (lambda: AllConvNet(3), (3, 32, 32)),
    "squeezenet1_1": (SqueezeNet, (3, 64, 64)),
    "googlenet_aux": (GoogLeNet, (3, 32, 32)),
    "densenet_bc": (DenseNet, (3, 32, 32)),
    "unet_encoder": (lambda: UNetEncoderClassifier(n_channels=3, n_classes=5), (3, 32, 32)),
    "repvgg_branches": (lambda: RepVGG([1, 2, 2]), (3, 32, 32)),
    "ecg_1d": (ECGNet, (1, 187)),
    "ds_cnn_kws": (DSCNN, (1, 49, 10)),
    "m5_audio": (lambda: M5(stride=4, n_channel=16, n_output=12), (1, 2048)),
    "tcn_dilated": (lambda: TCN(2, 8, [16, 16, 24], kernel_size=5), (2, 128)),
    "radio_vtcnn2": (RadioCNN, (2, 128)),
    "timeseries_resnet": (TimeSeriesResNet, (2, 128)),
    "mlp_batchnorm": (MLPBatchNorm, (64,)),
    "mlp_dropout": (MLPDropout, (1, 28, 28)),
    "mlp_dropout_argmax": (lambda: Predictor(MLPDropout()), (1, 28, 28)),
    "mlp_skip": (MLPSkip, (64,)),
    "darknet_leaky": (TinyDarknet, (3, 32, 32)),
    "sphereface_prelu": (SphereNet, (3, 32, 32)),
    "hardtanh_vgg": (HardtanhVGG, (3, 32, 32)),
    "bounded_cnn": (BoundedCNN, (1, 28, 28)),
    "relu6_net": (ReLU6Net, (1, 28, 28)),
    "keras_mobilenet": (KerasMobileNet, (3, 32, 32)),
    "same_padding": (SamePaddingNet, (1, 28, 28)),
    "global_max_tagger": (GlobalMaxNet, (1, 48, 48)),
    "shared_conv": (SharedConvNet, (1, 28, 28)),
    "normalized_input": (NormalizedCNN, (3, 32, 32)),
    "maml_learner": (maml_learner, (3, 32, 32)),
    "multi_task": (MultiTaskNet, (1, 28, 28)),
    "protonet_encoder": (ProtoNetEncoder, (1, 28, 28)),
    "branchy_weight_norm": (BranchyNet, (3, 32, 32)),
    "simple_cnn_argmax": (SimpleCNNPredictor, (1, 28, 28)),
}
