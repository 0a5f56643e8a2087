"""What a user chooses about training."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationInfo,
    field_validator,
)

Precision = Literal["float32", "bfloat16"]


def _float32(precision: Precision) -> Precision:
    if precision != "float32":
        raise ValueError("sums of streams and of integers are exact in float32 only; leave it out")
    return precision


ExactPrecision = Annotated[Precision, AfterValidator(_float32)]
"""Precision of trainings in the accelerator's arithmetic."""


class TrainConfig(BaseModel):
    """A gradient descent under a cosine schedule, with augmentation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW (I. Loshchilov and F. Hutter, arXiv:1711.05101), or SGD with Nesterov momentum 0.9."""
    epochs: int = Field(default=40, ge=0)
    patience: int | None = Field(default=None, ge=1)
    """Stop early where so many epochs together lower the loss by less than 1 %."""
    images: int | None = Field(default=None, ge=1)
    """How many training images are used, evenly spaced; all by default."""
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    """The highest; it falls to zero along half a cosine."""
    warmup: float = Field(default=0, ge=0, lt=1)
    """Share of each cycle of the schedule in which the learning rate rises from zero."""
    restarts: tuple[int, ...] = ()
    """Epochs at which the schedule begins anew (I. Loshchilov and F. Hutter, arXiv:1608.03983)."""
    weight_decay: float = Field(default=1e-4, ge=0)
    max_shift: int = Field(default=1, ge=0)
    """Augmentation: images move by up to so many pixels, zeros come in."""
    flip: bool = False
    """Augmentation: half of the images are mirrored, left to right."""
    cutout: int = Field(default=0, ge=0)
    """Augmentation: a square of so many pixels is blackened."""
    label_smoothing: float = Field(default=0, ge=0, lt=1)
    """Share of each label that is spread over all classes (C. Szegedy et al., arXiv:1512.00567)."""
    seed: int = Field(default=0, ge=0)
    """Seed of the order of images and of the augmentation."""
    precision: Precision = "float32"
    """Precision of activations and gradients; weights and losses are always float32 (P.
    Micikevicius et al., arXiv:1710.03740). bfloat16 is quicker where the processor knows it;
    results differ a little."""
    threads: int = Field(default=1, ge=1)
    """Threads of torch. Small networks train fastest with one; results differ in the last bits."""

    @field_validator("restarts")
    @classmethod
    def _check_restarts(cls, restarts: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        bounds = (0, *restarts, info.data.get("epochs", math.inf))
        if any(after <= before for before, after in pairwise(bounds) if restarts):
            raise ValueError("must rise, above 0 and below the number of epochs")
        return restarts

    def rate(self, epoch: int, batch: int, batches: int) -> float:
        """Learning rate in epoch ``epoch`` after ``batch`` of its ``batches`` batches."""
        bounds = (0, *self.restarts, self.epochs)
        begin, end = next((a, b) for a, b in pairwise(bounds) if epoch < b)
        done = ((epoch - begin) * batches + batch) / ((end - begin) * batches)
        if done < self.warmup:
            return self.learning_rate * (done / self.warmup)
        angle = math.pi * (done - self.warmup) / (1 - self.warmup)
        return self.learning_rate * (1 + math.cos(angle)) / 2


class FineTuneConfig(TrainConfig):
    """SC-aware fine-tuning, and the binary baseline, which gets the same budget."""

    epochs: int = Field(default=10, ge=0)
    learning_rate: float = Field(default=1e-2, gt=0)
    max_shift: int = Field(default=0, ge=0)
    precision: ExactPrecision = "float32"
    distillation: float = Field(default=0.0, ge=0, le=1)
    """Share of the loss that asks for the float network's scores instead of the labels."""
    prefix_weights: tuple[PositiveFloat, ...] = ()
    """Weights of the losses at ``sc.lengths``, shortest first; all alike by default."""
    prefix_distillation: float = Field(default=0.0, ge=0, lt=1)
    """Share of a shorter length's loss that asks for the scores at the longest one."""
    sampled_prefixes: int | None = Field(default=None, ge=1)
    """So many of the shorter lengths, drawn for each batch, in the place of all of them."""
    noise_epochs: int = Field(default=0, ge=0)
    """The first epochs add calibrated noise to real sums instead of computing exact ones."""


def check_prefix_options(
    lengths: Sequence[int], config: FineTuneConfig, name: str = "finetune"
) -> None:
    """Raise ValueError unless options of several lengths fit ``sc.lengths``.

    name: of the section that has them.
    """
    given = {
        "prefix_weights": bool(config.prefix_weights),
        "prefix_distillation": bool(config.prefix_distillation),
        "sampled_prefixes": config.sampled_prefixes is not None,
    }
    if not lengths and (found := next((key for key, value in given.items() if value), None)):
        raise ValueError(
            f"{name}.{found}: of networks of several lengths; give sc: {{lengths: [4, 8]}}, or "
            "leave it out"
        )
    if config.prefix_weights and len(config.prefix_weights) != len(lengths):
        raise ValueError(
            f"{name}.prefix_weights: {len(config.prefix_weights)} numbers for {len(lengths)} of "
            "sc.lengths; give one for each length, shortest first, or leave them out"
        )
    if (sampled := config.sampled_prefixes) is not None and sampled >= len(lengths):
        raise ValueError(
            f"{name}.sampled_prefixes: {sampled} of {len(lengths) - 1} shorter lengths; give at "
            f"most {len(lengths) - 1}, or leave it out"
        )


FINE_TUNE = FineTuneConfig()
"""The defaults."""
