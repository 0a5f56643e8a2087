"""What a user chooses about training."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainConfig(BaseModel):
    """A gradient descent under a cosine schedule, with augmentation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    """Share of the training in which the learning rate rises from zero."""
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
    """Of the order of images and of the augmentation."""
    threads: int = Field(default=1, ge=1)
    """Of torch. Small networks train fastest with one; results differ in the last bits."""


class FineTuneConfig(TrainConfig):
    """SC-aware fine-tuning, and the binary baseline, which gets the same budget."""

    epochs: int = Field(default=10, ge=0)
    learning_rate: float = Field(default=1e-2, gt=0)
    max_shift: int = Field(default=0, ge=0)
    distillation: float = Field(default=0.0, ge=0, le=1)
    """Share of the loss that asks for the float network's scores instead of the labels."""
    noise_epochs: int = Field(default=0, ge=0)
    """The first epochs add calibrated noise to real sums instead of computing exact ones."""


FINE_TUNE = FineTuneConfig()
"""The defaults."""
