"""Padding, pooling, sharing and other spellings, as their own authors would write them."""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm


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
