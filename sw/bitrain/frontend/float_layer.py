"""An engine step in real numbers: what a chain of modules is read as, before quantisation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from bitrain.spec import Layer, MaxPool2d, Neuron, Shape, Shortcut, parts_read


class FloatShortcut(NamedTuple):
    """What is added before the activation: the stored output of step ``source``, subsampled."""

    source: int
    stride: tuple[int, int] = (1, 1)
    before: int = 0
    """Output channels before those that get something, and after them."""
    after: int = 0

    def take(self, added: Tensor) -> Tensor:
        """(batch, in, rows, columns) to (batch, out, rows / stride, columns / stride)."""
        kept = added[:, :, :: self.stride[0], :: self.stride[1]]
        return F.pad(kept, (0, 0, 0, 0, self.before, self.after))


def surrounded(
    maps: Tensor, before: tuple[int, int], after: tuple[int, int], value: Tensor | float
) -> Tensor:
    """Maps (batch, channels, rows, columns) with rows and columns of ``value`` around them.

    value: one for all channels, or (channels,).
    """
    (top, left), (bottom, right) = before, after
    ends = (left, right, top, bottom)
    if not isinstance(value, Tensor):
        return F.pad(maps, ends, value=value)
    value = value[:, None, None]
    return F.pad(maps - value, ends) + value


def pooled(maps: Tensor, pool: MaxPool2d | None) -> Tensor:
    """Max pooling as ``spec.MaxPool2d`` says, with its gradient."""
    if pool is None:
        return maps
    if any((*pool.padding, *pool.padding_after)):
        maps = surrounded(maps, pool.padding, pool.padding_after, _LOWEST)
    return F.max_pool2d(maps, pool.kernel, pool.stride)


_LOWEST = -(2.0**60)
"""Below all that layers give, and no infinity, of which differences are no numbers."""


def joined(maps: Sequence[Tensor], parts: tuple[int, ...]) -> Tensor:
    """What a step reads: ``maps`` of the image and of each step so far, those of ``parts``.

    parts: as ``spec.Network.reads``, -1 for the image.
    """
    read = [maps[part + 1] for part in parts]
    return torch.cat(read, 1) if len(read) > 1 else read[0]


def walk(
    chain: "Sequence[FloatLayer]",
    inputs: Tensor,
    step: Callable[[int, Tensor, Tensor | None], Tensor],
) -> list[Tensor]:
    """What ``step`` makes of each step of a chain, in order.

    step: of the number of the step, what it reads, and what its shortcut adds. inputs: images.
    """
    maps = [inputs]  # and what each step stores
    for index, (layer, parts) in enumerate(zip(chain, parts_read(chain), strict=True)):
        added = maps[layer.shortcut.source + 1] if layer.shortcut else None
        maps.append(step(index, joined(maps, parts), added))
    return maps[1:]


@dataclass(frozen=True, kw_only=True)
class FloatLayer:
    """One engine step before quantisation: folded float weights and the geometry."""

    name: str
    """Module path of the Conv2d or Linear."""
    kind: Literal["conv2d", "linear"]
    in_shape: Shape
    weight: Tensor
    """(out, in / groups, kernel rows, kernel columns), float32."""
    bias: Tensor
    """(out,), float32."""
    groups: int = 1
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    padding_after: tuple[int, int] | None = None
    """Where it is not ``padding``, as in ``spec.Layer``."""
    padding_value: Tensor | None = None
    """What stands around each input channel, (in,), float32; None: zero."""
    dilation: tuple[int, int] = (1, 1)
    relu: bool = False
    """Whether activations are stored, which are never negative; else sums are scores."""
    signed: Tensor | None = None
    """Output channels, (out,), of which the ReLU only bounds what is stored: the model has none
    there, and negative numbers were moved into range by an offset in the bias. None: no channel."""
    ceiling: float | None = None
    """What activations saturate at in the model."""
    pool: MaxPool2d | None = None
    shortcut: FloatShortcut | None = None
    source: int | None = None
    """The step (-1: the image) that it reads: as ``spec.Layer.source``."""
    concat_after: int | None = None
    """The step (-1: the image) behind whose output this one's is put, as in ``spec.Layer``."""
    trained: bool = True
    """Whether weights change in training; those of average pooling do not."""

    @property
    def margins(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and columns before the map, and after it."""
        return self.padding, self.padding if self.padding_after is None else self.padding_after

    def surround(self, maps: Tensor, value: Tensor | None) -> tuple[Tensor, tuple[int, int]]:
        """Maps with what stands around them, and the zeros that a convolution still adds itself."""
        before, after = self.margins
        if value is None and before == after:
            return maps, before
        value = maps.new_zeros(maps.shape[1]) if value is None else value.to(maps)
        return surrounded(maps, before, after, value), (0, 0)

    def accumulate(self, activations: Tensor, added: Tensor | None = None) -> Tensor:
        """Real-valued sums (batch, out, rows, columns) of what the layer before gives.

        added: what the shortcut's source stored.
        """
        weight, bias = (x.to(activations.device) for x in (self.weight, self.bias))
        maps = activations.reshape(len(activations), *self.in_shape)
        maps, padding = self.surround(maps, self.padding_value)
        result = F.conv2d(maps, weight, bias, self.stride, padding, self.dilation, self.groups)
        if self.shortcut is not None and added is not None:
            result = result + self.shortcut.take(added)
        return result

    def finish(self, sums: Tensor) -> Tensor:
        """Activation and pooling of the sums."""
        result = sums.relu() if self.relu else sums
        if self.signed is not None:
            result = torch.where(self.signed.to(sums.device)[:, None, None], sums, result)
        if self.ceiling is not None:
            result = result.clamp(max=self.ceiling)
        return pooled(result, self.pool)

    def forward(self, activations: Tensor, added: Tensor | None = None) -> Tensor:
        """The real-valued layer: (batch, in, rows, columns) to what the next layer reads."""
        return self.finish(self.accumulate(activations, added))

    def to_layer(
        self,
        *,
        weight: Tensor,
        bias: Tensor,
        upscale: Tensor,
        shift: int,
        stream_length: int,
        gain: int = 1,
        neuron: Neuron = "counter",
        padding_value: Tensor | None = None,
        **words: Any,
    ) -> Layer:
        """The contract's layer with this geometry and the given integers; words: as there."""
        shortcut = None
        if self.shortcut is not None:
            source, stride, before, _ = self.shortcut
            shortcut = Shortcut(source=source, gain=gain, stride=stride, before=before)
        values = torch.zeros(0) if padding_value is None else padding_value
        return Layer(
            kind=self.kind,
            name=self.name,
            in_shape=self.in_shape,
            weight=weight.detach().cpu().long().numpy(),
            bias=bias.detach().cpu().long().numpy(),
            shift=shift,
            upscale=upscale.cpu().numpy(),
            shortcut=shortcut,
            source=self.source,
            concat_after=self.concat_after,
            stream_length=stream_length,
            neuron=neuron,
            relu=self.relu,
            groups=self.groups,
            stride=self.stride,
            padding=self.padding,
            padding_after=self.padding_after,
            padding_value=values.cpu().long().numpy(),
            dilation=self.dilation,
            pool=self.pool,
            **words,
        )

    @property
    def out_shape(self) -> Shape:
        """Map of stored activations; ValidationError where the geometry is impossible."""
        none = torch.zeros(len(self.bias), dtype=torch.int64)
        weight = torch.zeros_like(self.weight)
        layer = self.to_layer(weight=weight, bias=none, upscale=none, shift=0, stream_length=1)
        return layer.out_shape
