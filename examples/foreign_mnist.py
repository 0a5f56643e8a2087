"""A network that was trained elsewhere: plain torch, normalised images, a state dict in a .pt file.

`python examples/foreign_mnist.py path/to/mnist out.pt` trains it for three epochs.
"""

import sys

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.data import load_dataset

MEAN, STD, EPOCHS, BATCH = 0.1307, 0.3081, 3, 128


class Net(nn.Module):
    """Two convolutions and two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.fc1, self.fc2 = nn.Linear(784, 64), nn.Linear(64, 10)
        self.drop = nn.Dropout(0.2)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, 28, 28) to log-probabilities (batch, 10)."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        x = x.view(x.size(0), -1)
        return F.log_softmax(self.fc2(self.drop(F.relu(self.fc1(x)))), 1)


def main(data_dir: str, out: str) -> None:
    """Train, and write the weights as DataParallel names them."""
    torch.manual_seed(0)
    data = load_dataset("mnist", data_dir)
    images = (torch.from_numpy(data.train_images) - MEAN) / STD
    labels = torch.from_numpy(data.train_labels)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    steps = len(images) // BATCH * EPOCHS
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps + 5)
    for _ in range(EPOCHS):
        order = torch.randperm(len(images))
        for first in range(0, len(images) - BATCH + 1, BATCH):
            chosen = order[first : first + BATCH]
            loss = F.nll_loss(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    weights = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"state_dict": weights}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
