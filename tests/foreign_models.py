"""Networks as other projects write them, to be taken apart."""

import torch
from torch import nn
from torch.nn import functional as F


def conv_bn(channels, filters, kernel: int | tuple[int, int] = 3, stride=1, **options):
    padding = options.pop("padding", (kernel - 1) // 2 if isinstance(kernel, int) else 0)
    options = {"bias": False, **options}
    conv = nn.Conv2d(channels, filters, kernel, stride, padding, **options)
    return [conv, nn.BatchNorm2d(filters)]


class BasicBlock(nn.Module):
    def __init__(self, channels, filters, stride=1, shortcut=True):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        projected = stride > 1 or channels != filters
        self.downsample = (
            nn.Sequential(*conv_bn(channels, filters, 1, stride)) if projected else None
        )

    out = 1

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class Bottleneck(BasicBlock):
    out = 4

    def __init__(self, channels, filters, stride=1):
        super().__init__(channels, filters, stride)
        self.conv1, self.bn1 = conv_bn(channels, filters, 1)
        self.conv2, self.bn2 = conv_bn(filters, filters, 3, stride)
        self.conv3, self.bn3 = conv_bn(filters, 4 * filters, 1)
        projected = stride > 1 or channels != 4 * filters
        self.downsample = (
            nn.Sequential(*conv_bn(channels, 4 * filters, 1, stride)) if projected else None
        )

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        identity = x if self.downsample is None else self.downsample(x)
        return self.relu(identity + self.bn3(self.conv3(out)))


class ResNet(nn.Module):
    """As torchvision's."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential
    layer4: nn.Sequential

    def __init__(self, block):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 4
        for index, (filters, stride) in enumerate([(4, 1), (6, 2), (8, 2), (10, 2)], 1):
            first = block(channels, filters, stride)
            channels = filters * block.out
            self.add_module(f"layer{index}", nn.Sequential(first, block(channels, filters)))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, 5)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class OptionA(BasicBlock):
    """The CIFAR ResNet as many write it: a shortcut by slices, everything else by functions."""

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2), "constant", 0)
        out = torch.add(out, x)
        return out.relu()


class Dense(nn.Module):
    """Transitions follow both layers."""

    def __init__(self, before):
        super().__init__()
        self.before = before
        self.stem = nn.Sequential(*conv_bn(3, 4), nn.ReLU())
        norms = (nn.BatchNorm2d(channels) for channels in (4, 6))
        self.convs = nn.ModuleList(nn.Conv2d(c, 2, 3, padding=1, bias=False) for c in (4, 6))
        self.norms = nn.ModuleList(norms if before else (nn.BatchNorm2d(2), nn.BatchNorm2d(2)))
        self.thin = nn.Sequential(*conv_bn(8, 6, 1), nn.ReLU())
        self.fc = nn.Linear(6, 5)

    def forward(self, x):
        x = self.stem(x)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            new = conv(F.relu(norm(x))) if self.before else F.relu(norm(conv(x)))
            x = torch.cat([x, new], dim=1)
        return self.fc(F.max_pool2d(self.thin(x), 2).mean([2, 3]))
