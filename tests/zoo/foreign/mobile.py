"""Networks for small devices, as their own authors would write them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
            nn.Dropout(p=dropout),
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
