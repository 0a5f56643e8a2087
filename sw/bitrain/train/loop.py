"""The one training loop: float networks, SC-aware fine-tuning and the binary baseline alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.data import Dataset, check_classes, evenly_spaced
from bitrain.nn import SafeConvolutions, best_device, torch_threads
from bitrain.spec import BitrainError

from . import distributed
from .augment import random_cutout, random_flip, random_shift
from .checkpoint import Checkpoint
from .config import TrainConfig
from .optimizer import Optimizer, make_optimizer

Loss = Callable[[Any, Tensor, Tensor], Tensor]
"""Mean of a batch, of what the model gives, such as scores (batch, classes), of its images
(batch, channels, rows, columns) and labels (batch,)."""


class Job(TypedDict, total=False):
    """What :func:`fit` is told beside the recipe, by all that train with it."""

    checkpoint: Path | None
    title: str
    """Stands beside the progress bar."""
    progress: bool
    """Whether there is a bar."""


def classification(config: TrainConfig, dataset: Dataset) -> Loss:
    """Cross-entropy with the recipe's label smoothing.

    Raises :class:`BitrainError` where the model has no score for each class of the data set.
    """

    def loss(scores: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        check_classes("the model", scores.shape[1], dataset)
        return F.cross_entropy(scores.float(), labels, label_smoothing=config.label_smoothing)

    return loss


def fit(
    model: nn.Module,
    dataset: Dataset,
    config: TrainConfig,
    *,
    checkpoint: Path | None = None,
    before_epoch: Callable[[int], None] | None = None,
    after_epoch: Callable[[int, float], None] | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    title: str = "train",
    progress: bool = False,
) -> list[float]:
    """Train ``model`` in place, on a GPU if there is one; returns the mean loss of every epoch.

    With ``checkpoint`` the state is written before the first epoch and after each; where the file
    exists the run goes on from it and ends with the very result of an uninterrupted one, because
    each epoch draws from a generator of its own. An interrupt leaves the last epoch's file.
    ``before_epoch`` is called with the number of every epoch that begins, ``after_epoch`` with that
    of every one that is over and saved, and its mean loss; ``loss`` gives the loss of scores, for
    images and their labels; cross-entropy by default.
    ``optimizer`` takes the place of the recipe's; its first group follows the recipe's schedule.

    Under torchrun all processes call this with equal arguments, each computes its share of every
    batch, and each ends with the same model and losses; process 0 writes the checkpoint, which all
    must be able to read, and shows the progress.
    """
    distributed.start()
    loss = loss or classification(config, dataset)
    model.to(best_device())
    for parameter in model.parameters():
        if parameter.dim() == 4:  # with the channels innermost, convolutions are quicker on CPUs
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    optimizer = optimizer or make_optimizer(model.parameters(), config)
    losses: list[float] = []
    file = Checkpoint(path=checkpoint) if checkpoint else None

    def save() -> None:
        if file and distributed.is_main():
            file.save(model, optimizer, config, losses)
        distributed.barrier()

    if file:
        losses = file.load(model, optimizer, config)
        if not losses:
            save()
    with _bar(progress and distributed.is_main()) as bar, distributed.parallel(model) as trained:
        task = bar.add_task(title, total=config.epochs, completed=len(losses), loss="")
        for epoch in range(len(losses), config.epochs):
            if _settled(losses, config.patience):
                break
            with torch_threads(config.threads):
                if before_epoch:
                    before_epoch(epoch)
                mean = train_epoch(trained, dataset, config, optimizer, epoch=epoch, loss_of=loss)
            losses.append(mean)
            bar.update(task, advance=1, loss=f"loss {losses[-1]:.4f}")
            save()
            if after_epoch and distributed.is_main():
                after_epoch(epoch, mean)
    model.to("cpu").eval()
    return losses


def train_epoch(
    model: nn.Module,
    dataset: Dataset,
    config: TrainConfig,
    optimizer: Optimizer,
    *,
    epoch: int,
    loss_of: Loss,
) -> float:
    """What :func:`fit` calls for each epoch; returns its mean loss. Replace it to look on."""
    count = config.images or len(dataset.train_images)
    images, labels = (
        torch.from_numpy(evenly_spaced(array, count)).to(best_device())
        for array in (dataset.train_images, dataset.train_labels)
    )
    batches, is_lower = -(-len(images) // config.batch_size), config.precision == "bfloat16"
    total = 0.0
    model.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed((config.seed << 16) + epoch)
        for i, index in enumerate(torch.randperm(len(images)).split(config.batch_size)):
            index = index.to(images.device)
            optimizer.param_groups[0]["lr"] = config.rate(epoch, i, batches)
            batch = random_shift(images[index], config.max_shift)
            if config.flip:
                batch = random_flip(batch)
            batch = random_cutout(batch, config.cutout)
            mine, share = distributed.shard(len(index))
            batch = batch[mine].contiguous(memory_format=torch.channels_last)
            lower = torch.autocast(images.device.type, torch.bfloat16, enabled=is_lower)
            with distributed.own_draws(config.seed, epoch, i), lower, SafeConvolutions():
                part = share * loss_of(_scores(model, batch), batch, labels[index][mine])
            loss = distributed.total(part)
            if not loss.isfinite():
                raise BitrainError(
                    f"training diverged in epoch {epoch + 1} (loss {loss.item()}); lower "
                    f"learning_rate, now {config.learning_rate:g}"
                )
            optimizer.zero_grad()
            (part * distributed.world_size()).backward()  # gradients are averaged, not added
            optimizer.step()
            total += loss.item() * len(index)
    distributed.share_buffers(model)
    return total / len(images)


def _scores(model: nn.Module, batch: Tensor) -> Any:
    try:
        return model(batch)
    except ValueError as error:
        if len(batch) > 1:
            raise
        raise BitrainError(
            f"a batch of one image: {error}; choose another batch_size or number of images, so "
            "that the last batch has more"
        ) from error


def _settled(losses: list[float], patience: int | None) -> bool:
    """Whether the best loss before the last ``patience`` epochs was not improved by 1 % in them."""
    if patience is None or len(losses) <= patience:
        return False
    return min(losses[-patience:]) > 0.99 * min(losses[:-patience])


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
