"""What a user asks of recasting: which blocks of the teacher become what, and how they train."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from bitrain.models import BLOCK_KINDS, BlockSpec
from bitrain.nn import ScConfig
from bitrain.runner.config import Section
from bitrain.spec import BitrainError
from bitrain.train.config import (
    ExactPrecision,
    FineTuneConfig,
    TrainConfig,
    check_prefix_options,
)

_MAPS = ("conv", "residual", "bottleneck", "dense", "separable")
_KINDS = {
    **dict.fromkeys(("stride", "downsample", "kernel"), _MAPS),
    "middle": ("residual", "bottleneck", "dense"),
    "layers": ("conv", "dense"),
    "dropout": ("linear",),
}
"""Options of a rule, and the kinds of blocks that have them."""


class Rule(Section):
    """What becomes of some blocks of the teacher; what is not named stays as it is."""

    blocks: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    """One number, or ``first-last`` with both; the block that reads the image is 0."""
    to: str | None = None
    """Kind of the new blocks; that of the old by default."""
    width: float | tuple[float, ...] = 1.0
    """Output channels as a share of the old block's, for all or for each; of the middle channels
    where a bottleneck becomes another kind."""
    remove: bool = False
    """Leave the blocks out; the one after them reads what the one before them gives."""
    stride: int | None = Field(default=None, ge=1)
    downsample: Literal["stride", "max", "average"] | None = None
    kernel: int | None = Field(default=None, ge=1)
    middle: int | None = Field(default=None, ge=1)
    layers: int | None = Field(default=None, ge=1)
    dropout: float | None = Field(default=None, ge=0, lt=1)

    @field_validator("blocks", mode="before")
    @classmethod
    def _range(cls, value: object) -> object:
        if isinstance(value, int):
            return (value,)
        if isinstance(value, str) and (match := re.fullmatch(r"(\d+)(?:-(\d+))?", value.strip())):
            first, last = int(match[1]), int(match[2] or match[1])
            if last >= first:
                return tuple(range(first, last + 1))
        if isinstance(value, list | tuple):
            return value
        raise ValueError(f"{value!r} is not a block's number or a range like 3-5")

    @field_validator("to")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in BLOCK_KINDS:
            raise ValueError(f"{value!r} is no kind of block; choose one of {list(BLOCK_KINDS)}")
        return value

    @field_validator("width")
    @classmethod
    def _positive(cls, value: float | tuple[float, ...]) -> float | tuple[float, ...]:
        for ratio in value if isinstance(value, tuple) else (value,):
            if not 0 < ratio <= 16:
                raise ValueError(f"{ratio:g} is not a ratio of widths in 0 … 16")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "Rule":
        if isinstance(self.width, tuple) and len(self.width) != len(self.blocks):
            raise ValueError(f"{len(self.width)} widths for {len(self.blocks)} blocks")
        if self.remove and len(self.model_fields_set - {"blocks", "remove"}):
            raise ValueError("a block that is removed has no other options")
        return self

    def ratio(self, block: int) -> float:
        """Share of the old width that ``block`` gets."""
        return self.width[self.blocks.index(block)] if isinstance(self.width, tuple) else self.width

    def target(self, block: int, old: BlockSpec) -> BlockSpec:
        """The block that takes the place of ``old``; its input is settled later."""
        kind = self.to or old.kind
        if kind == "other":
            raise BitrainError(
                f"block {block} is of no kind that can be built; say what it becomes: to: conv"
            )
        width = old.out_channels
        if old.kind == "bottleneck" and kind != "bottleneck":
            width = old.middle or max(1, width // 4)
        new = {
            "kind": kind,
            "out_channels": max(1, round(width * self.ratio(block))),
            "downsample": old.downsample,
        }
        if kind == old.kind and old.middle:
            new["middle"] = max(1, round(old.middle * self.ratio(block)))
        elif kind != old.kind:
            # In another kind of block these do not mean the same.
            new |= {"middle": None, "layers": 1, "padding": None, "relu": True}
            if old.kind == "linear":
                new |= {"average": False, "area": 1, "dropout": 0.0}
        given = {name: value for name in _KINDS if (value := getattr(self, name)) is not None}
        for name in given:
            if kind not in _KINDS[name]:
                raise BitrainError(
                    f"block {block}: {name} is an option of {', '.join(_KINDS[name])} blocks, not "
                    f"of {kind}; leave it out"
                )
        new |= given
        return old.model_copy(update=new)


class BlockTrainConfig(TrainConfig):
    """Training of one block against the teacher's activation."""

    epochs: int = Field(default=2, ge=0)


class RecastFineTuneConfig(TrainConfig):
    """Training of the whole student: cross-entropy, and the teacher's scores."""

    epochs: int = Field(default=10, ge=0)
    matching: float = Field(default=1.0, ge=0)
    """Weight of the mean squared difference from the teacher's scores."""


class StreamTrainConfig(BlockTrainConfig):
    """Training of one block in streams."""

    epochs: int = Field(default=1, ge=0)
    precision: ExactPrecision = "float32"


class ScRecast(Section):
    """Recasting into stochastic arithmetic.

    Each layer of the student reproduces, with streams, what it gives in real numbers; then all
    are fine-tuned.
    """

    sc: ScConfig = ScConfig()
    mode: Literal["exact", "noise"] = "exact"
    """Sums while the layers are matched: exact stochastic ones, or real ones with noise alike."""
    train: StreamTrainConfig = StreamTrainConfig()
    """Training of each block."""
    finetune: FineTuneConfig = FineTuneConfig()

    @model_validator(mode="after")
    def _check_prefixes(self) -> Self:
        check_prefix_options(self.sc.lengths, self.finetune)
        return self


class RecastPlan(Section):
    """Rules for blocks, and recipes."""

    blocks: tuple[Rule, ...] = ()
    scope: Literal["prefix", "pair"] = "prefix"
    """What trains when a block is replaced: everything up to the block after it (as the author's
    code does), or only the two (as the paper's figure shows)."""
    train: BlockTrainConfig = BlockTrainConfig()
    """Training of each replaced block."""
    finetune: RecastFineTuneConfig = RecastFineTuneConfig()
    scratch: bool = False
    """Train the same student from random weights too, for as many epochs in all."""
    sc: ScRecast | None = None
    """Recast the student into stochastic arithmetic in the end."""

    @field_validator("blocks")
    @classmethod
    def _once(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        seen: set[int] = set()
        for rule in rules:
            if twice := seen & set(rule.blocks):
                raise ValueError(f"block {min(twice)} has two rules")
            seen |= set(rule.blocks)
        return rules

    @property
    def rules(self) -> dict[int, Rule]:
        """By number of the block, in the order of the network."""
        found = {block: rule for rule in self.blocks for block in rule.blocks}
        return dict(sorted(found.items()))
