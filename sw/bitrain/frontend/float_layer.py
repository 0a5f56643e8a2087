"""An engine step in real numbers: what a chain of modules is read as, before quantisation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from bitrain.models import Subsample
from bitrain.spec import Layer, MaxPool2d, Neuron, Shape, Shortcut, parts_read


class FloatShortcut(NamedTuple):
    """What is added before the ReLU: the stored output of step ``source``, subsampled."""

    source: int
    take: Subsample


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
    relu: bool = False
    pool: MaxPool2d | None = None
    shortcut: FloatShortcut | None = None
    source: int | None = None
    """The step (-1: the image) that it reads: as ``spec.Layer.source``."""
    concat_after: int | None = None
    """The step (-1: the image) behind whose output this one's is put, as in ``spec.Layer``."""
    trained: bool = True
    """Whether weights change in training; those of average pooling do not."""

    def accumulate(self, activations: Tensor, added: Tensor | None = None) -> Tensor:
        """Real-valued sums (batch, out, rows, columns) of what the layer before gives.

        added: what the shortcut's source stored.
        """
        activations = activations.reshape(len(activations), *self.in_shape)
        weight, bias = (tensor.to(activations.device) for tensor in (self.weight, self.bias))
        geometry = (self.stride, self.padding, (1, 1), self.groups)
        result = F.conv2d(activations, weight, bias, *geometry)
        if self.shortcut is not None and added is not None:
            result = result + self.shortcut.take(added)
        return result

    def finish(self, sums: Tensor) -> Tensor:
        """ReLU and pooling of the sums."""
        result = sums.relu() if self.relu else sums
        if self.pool is not None:
            result = F.max_pool2d(result, self.pool.kernel, self.pool.stride)
        return result

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
    ) -> Layer:
        """The contract's layer with this geometry and the given integers."""
        shortcut = None
        if self.shortcut is not None:
            source, take = self.shortcut
            stride = (take.stride, take.stride)
            shortcut = Shortcut(source=source, gain=gain, stride=stride, before=take.before)
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
            pool=self.pool,
        )

    @property
    def out_shape(self) -> Shape:
        """Map of stored activations; ValidationError where the geometry is impossible."""
        none = torch.zeros(len(self.bias), dtype=torch.int64)
        weight = torch.zeros_like(self.weight)
        layer = self.to_layer(weight=weight, bias=none, upscale=none, shift=0, stream_length=1)
        return layer.out_shape
