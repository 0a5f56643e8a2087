"""What a user chooses about training."""

from pydantic import BaseModel, ConfigDict, Field


class TrainConfig(BaseModel):
    """AdamW (I. Loshchilov and F. Hutter, arXiv:1711.05101) under a cosine schedule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=40, ge=0)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    """At the start; it falls to zero along half a cosine."""
    weight_decay: float = Field(default=1e-4, ge=0)
    max_shift: int = Field(default=1, ge=0)
    """Augmentation: images move by up to so many pixels, zeros come in."""
    seed: int = Field(default=0, ge=0)
    """Of the order of images and of the augmentation."""
    threads: int = Field(default=1, ge=1)
    """Of torch. Small networks train fastest with one; results differ in the last bits."""


class FineTuneConfig(TrainConfig):
    """SC-aware fine-tuning, and the binary baseline, which gets the same budget."""

    epochs: int = Field(default=10, ge=0)
    learning_rate: float = Field(default=1e-2, gt=0)
    max_shift: int = Field(default=0, ge=0)


FINE_TUNE = FineTuneConfig()
"""The defaults."""
