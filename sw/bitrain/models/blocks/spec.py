"""What a block is, without its weights: one form for every kind, so that one becomes another."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from bitrain.spec import Shape

Kind = Literal["conv", "residual", "bottleneck", "dense", "separable", "linear", "other"]

BLOCK_KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "other")
"""Those that can be built; ``other`` is a block that was found in a model and is used as it is."""


class BlockSpec(BaseModel):
    """Kind and sizes of a block; activations that it reads and gives are never negative.

    conv: ``layers`` times convolution, batch norm, ReLU (K. Simonyan and A. Zisserman,
    arXiv:1409.1556). residual: two convolutions and a shortcut; bottleneck: 1 x 1, k x k and 1 x 1
    convolutions and a shortcut (K. He et al., arXiv:1512.03385, with batch norm and ReLU after each
    convolution). dense: ``layers`` times a convolution whose output is put beside its input, then
    a 1 x 1 convolution where that does not give ``out_channels`` (G. Huang et al.,
    arXiv:1608.06993, with batch norm and ReLU after each convolution). separable: a convolution of
    every channel by itself, then a 1 x 1 convolution (A. Howard et al., arXiv:1704.04861). linear:
    a fully connected layer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    in_channels: int = Field(ge=1)
    out_channels: int = Field(ge=1)
    stride: int = Field(default=1, ge=1)
    """How many times fewer rows and columns come out."""
    downsample: Literal["stride", "max", "average"] = "stride"
    """What takes them away: the first k x k convolution, or pooling at the end."""
    kernel: int = Field(default=3, ge=1)
    padding: int | None = Field(default=None, ge=0)
    """``kernel // 2`` where it is not given."""
    middle: int | None = Field(default=None, ge=1)
    """Channels inside: between the 1 x 1 convolutions of a bottleneck (a quarter of those that come
    out by default), after a residual's first convolution (all of them by default), and after the
    1 x 1 convolution of each dense layer (which has none by default)."""
    layers: int = Field(default=1, ge=1)
    """Convolutions of a conv block, layers of a dense one."""
    average: bool = False
    """A linear block reads the mean of each channel's map, in place of all pixels."""
    area: int = Field(default=1, ge=1)
    """Pixels of the map that a linear block reads, if not their mean."""
    relu: bool = True
    """Whether a linear block ends in a ReLU; the block of the scores has none."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Before a linear block's weights, in training."""

    def reading(self, shape: Shape) -> "BlockSpec":
        """The same block, with the same output width, for an input of another shape."""
        area = shape.height * shape.width if self.kind == "linear" and not self.average else 1
        return self.model_copy(update={"in_channels": shape.channels, "area": area})

    def __str__(self) -> str:
        stride = f" / {self.stride}" if self.stride > 1 else ""
        return f"{self.kind} {self.in_channels} -> {self.out_channels}{stride}"
