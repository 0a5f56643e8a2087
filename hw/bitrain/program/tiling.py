"""Tiling: how often each loop of the engine's loop nest runs for a layer."""

from dataclasses import dataclass

from bitrain.spec import Layer

from .array import Array


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """Trip counts of a layer's loop nest on an array."""

    positions: int
    """Neurons per output channel that are computed: windows x members."""
    channel_tiles: int
    """Tiles of P channels of one group: channels of different groups read different inputs."""
    position_tiles: int
    chunks: int
    window: int
    """Neurons per stored activation (area of the pooling window)."""

    @classmethod
    def of(cls, layer: Layer, array: Array) -> "Tiling":
        """Tiling of ``layer`` on ``array``."""
        kh, kw = layer.pool_window.kernel
        positions = layer.out_shape.height * layer.out_shape.width * kh * kw
        return cls(
            positions=positions,
            channel_tiles=layer.groups * -(-layer.group_channels // array.channels),
            position_tiles=-(-positions // array.positions),
            chunks=-(-layer.num_slots // array.lanes),
            window=kh * kw,
        )

    @property
    def tiles(self) -> int:
        """Rounds of all P Q neurons."""
        return self.channel_tiles * self.position_tiles
