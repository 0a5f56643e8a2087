"""The one training loop: float networks, SC-aware fine-tuning and the binary baseline alike."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.data import Dataset, evenly_spaced
from bitrain.nn import best_device, torch_threads
from bitrain.spec import BitrainError

from .augment import random_cutout, random_flip, random_shift
from .checkpoint import Checkpoint
from .config import TrainConfig

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of scores (batch, classes), images (batch, channels, rows, columns) and labels (batch,)."""


def classification(config: TrainConfig) -> Loss:
    """Cross-entropy with the recipe's label smoothing."""

    def loss(scores: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(scores, labels, label_smoothing=config.label_smoothing)

    return loss


def fit(
    model: nn.Module,
    dataset: Dataset,
    config: TrainConfig,
    *,
    checkpoint: Path | None = None,
    before_epoch: Callable[[int], None] | None = None,
    loss: Loss | None = None,
    title: str = "train",
    progress: bool = False,
) -> list[float]:
    """Train ``model`` in place, on a GPU if there is one; returns the mean loss of every epoch.

    With ``checkpoint`` the state is written before the first epoch and after each; where the file
    exists the run goes on from it and ends with the very result of an uninterrupted one, because
    each epoch draws from a generator of its own. An interrupt leaves the last epoch's file.
    ``before_epoch`` is called with the number of every epoch that begins; ``loss`` gives the loss
    of scores, for images and their labels; cross-entropy by default.
    """
    loss = loss or classification(config)
    model.to(best_device())
    for parameter in model.parameters():
        if parameter.dim() == 4:  # with the channels innermost, convolutions are quicker on CPUs
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    optimizer = _optimizer(model, config)
    losses: list[float] = []
    file = Checkpoint(path=checkpoint) if checkpoint else None
    if file:
        losses = file.load(model, optimizer, config)
        if not losses:
            file.save(model, optimizer, config, losses)
    with _bar(progress) as bar:
        task = bar.add_task(title, total=config.epochs, completed=len(losses), loss="")
        for epoch in range(len(losses), config.epochs):
            with torch_threads(config.threads):
                if before_epoch:
                    before_epoch(epoch)
                losses.append(_epoch(model, dataset, config, optimizer, epoch=epoch, loss_of=loss))
            bar.update(task, advance=1, loss=f"loss {losses[-1]:.4f}")
            if file:
                file.save(model, optimizer, config, losses)
    model.to("cpu").eval()
    return losses


def _epoch(
    model: nn.Module,
    dataset: Dataset,
    config: TrainConfig,
    optimizer: torch.optim.Optimizer,
    *,
    epoch: int,
    loss_of: Loss,
) -> float:
    count = config.images or len(dataset.train_images)
    images, labels = (
        torch.from_numpy(evenly_spaced(array, count)).to(best_device())
        for array in (dataset.train_images, dataset.train_labels)
    )
    batches = -(-len(images) // config.batch_size)
    total = 0.0
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed((config.seed << 16) + epoch)
        for i, index in enumerate(torch.randperm(len(images)).split(config.batch_size)):
            index = index.to(images.device)
            done = (epoch * batches + i) / (config.epochs * batches)
            for group in optimizer.param_groups:
                group["lr"] = config.learning_rate * _schedule(done, config.warmup)
            batch = random_shift(images[index], config.max_shift)
            if config.flip:
                batch = random_flip(batch)
            batch = random_cutout(batch, config.cutout)
            batch = batch.contiguous(memory_format=torch.channels_last)
            loss = loss_of(model(batch), batch, labels[index])
            if not loss.isfinite():
                raise BitrainError(
                    f"training diverged in epoch {epoch + 1} (loss {loss.item()}); lower "
                    f"learning_rate, now {config.learning_rate:g}"
                )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index)
    return total / len(images)


def _optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    parameters, rate, decay = model.parameters(), config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=0.9, weight_decay=decay, nesterov=True)
    return torch.optim.AdamW(parameters, rate, weight_decay=decay)


def _schedule(done: float, warmup: float) -> float:
    """Share of the learning rate after ``done``, 0 … 1, of the training."""
    if done < warmup:
        return done / warmup
    return (1 + math.cos(math.pi * (done - warmup) / (1 - warmup))) / 2


def _bar(progress: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not progress,
    )
