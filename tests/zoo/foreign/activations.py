"""Networks with other activations than ReLU, as their own authors would write them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
