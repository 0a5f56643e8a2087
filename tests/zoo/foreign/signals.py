"""Networks for signals of one dimension, as their own authors would write them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm


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
