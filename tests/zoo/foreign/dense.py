"""Networks without convolutions, as their own authors would write them."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
