"""Training against the teacher's activations, block by block, and of the whole student."""

from typing import Literal, Unpack

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.data import Dataset
from bitrain.nn import best_device
from bitrain.spec import BitrainError
from bitrain.train.config import TrainConfig
from bitrain.train.loop import Job, classification, fit

from .plan import RecastFineTuneConfig
from .student import Student

BATCH_SIZE = 100
"""Images of a batch where a difference is measured."""


def matching_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of two activations, (batch, channels[, rows, columns]).

    Where pooling sits elsewhere in the student, the larger map is averaged down to the smaller.
    Always in float32: in lower precision the small differences at the end of a training vanish.
    """
    with torch.autocast(student.device.type, enabled=False):
        student, teacher = student.float(), teacher.float()
        if student.shape[1] != teacher.shape[1] and student[0].numel() != teacher[0].numel():
            raise BitrainError(
                f"the student gives {student.shape[1]} channels where the teacher gives "
                f"{teacher.shape[1]}; they cannot be compared"
            )
        if student.dim() == teacher.dim() == 4 and student.shape[2:] != teacher.shape[2:]:
            rows, columns = map(min, student.shape[2:], teacher.shape[2:])
            student, teacher = (
                F.adaptive_avg_pool2d(x, (rows, columns)) for x in (student, teacher)
            )
        return F.mse_loss(student.flatten(1), teacher.flatten(1))


class Stage(nn.Module):
    """The student up to the block after a new one; the first ``frozen`` blocks do not train."""

    def __init__(self, blocks: nn.Sequential, frozen: int):
        super().__init__()
        self.before, self.trained = blocks[:frozen], blocks[frozen:]
        self.before.requires_grad_(False)

    def train(self, mode: bool = True) -> "Stage":
        """Frozen blocks keep their batch norm statistics."""
        super().train(mode)
        self.before.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Images to what the last block gives."""
        with torch.no_grad():
            inputs = self.before(images)
        return self.trained(inputs)


def recast_block(
    student: Student,
    teacher: nn.Sequential,
    index: int,
    dataset: Dataset,
    config: TrainConfig,
    *,
    scope: Literal["prefix", "pair"] = "prefix",
    **job: Unpack[Job],
) -> list[float]:
    """Train the student's block ``index`` until the block after it gives what the teacher's gives.

    The last block is compared by the scores. scope: ``prefix`` trains all blocks up to there,
    ``pair`` the two. Returns the loss of every epoch.
    """
    last = min(index + 1, len(student.blocks) - 1)
    blocks = student.model(last)
    frozen = sum(block is not None for block in student.blocks[:index]) if scope == "pair" else 0
    target = teacher[: last + 1].to(best_device()).eval()

    def difference(outputs: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = target(images)
        return matching_loss(outputs, wanted)

    job.setdefault("title", f"block {index}")
    losses = fit(Stage(blocks, frozen), dataset, config, loss=difference, **job)
    blocks.requires_grad_(True)
    return losses


def finetune_student(
    model: nn.Sequential,
    teacher: nn.Sequential,
    dataset: Dataset,
    config: RecastFineTuneConfig,
    **job: Unpack[Job],
) -> list[float]:
    """Train all blocks by cross-entropy and by the teacher's scores; in place."""
    teacher.to(best_device()).eval()
    classify = classification(config, dataset)

    def both(scores: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        loss = classify(scores, images, labels)
        if config.matching:
            with torch.no_grad():
                wanted = teacher(images)
            loss = loss + config.matching * matching_loss(scores, wanted)
        return loss

    job.setdefault("title", "fine-tune")
    return fit(model, dataset, config, loss=both, **job)


@torch.no_grad()
def measure_difference(blocks: nn.Sequential, target: nn.Sequential, images: np.ndarray) -> float:
    """Mean squared difference for images (batch, channels, rows, columns) in evaluation mode."""
    device = best_device()
    for model in (blocks, target):
        model.to(device).eval()
    total = 0.0
    for batch in torch.from_numpy(images).split(BATCH_SIZE):
        inputs = batch.to(device)
        total += len(batch) * matching_loss(blocks(inputs), target(inputs)).item()
    return total / len(images)
