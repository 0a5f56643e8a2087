"""An SC-aware layer: forward pass as in hardware, backward pass of the real-valued layer.

Activations travel as the integers 0 … 2^n in float tensors. From the folded float weights W and
bias b, the clip c, the input scale s and the upscale u_o of each output channel, the layer computes
the contract of ``spec.Layer``:

    c_o = c / 2^u_o
    w_o = round(clip(W_o / c_o, -1, 1) · 2^n)
    A_o = Σ products(a, w_o) + round(L b_o / (c_o s)) + gain · 2^u_o · (shortcut's activation)
    out = clip(floor((A_o + 2^(shift + u_o - 1)) / 2^(shift + u_o)), 0, 2^n)

and what stands around a map of scale s is round(clip(2^n v / s, 0, 2^n)) for a padding value v.

In stream mode out is what the neurons of a pooling window fire, by the golden model, with the
gradient of the above: early fires are learned about where they happen.

An activation a stands for s a / 2^n in the float network, and out for s' out / 2^n with
s' = c s 2^(shift + n) / L: scales fold forward and the hardware is left with a shift. Where inputs
come from several layers, s is the largest of their scales, and the weights of the others' channels
are multiplied by the ratio of the scales. A shortcut
from activations of scale s_r needs gain = s_r L / (c s 2^n) to be an integer: clips are chosen so.

A shorter run of L / 2^d is another network of the same weights. With streams it is the prefix of
``spec.prefix``; with integers it has numbers of n - d bits (``spec.precision``).
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.frontend import FloatLayer
from bitrain.frontend.float_layer import pooled
from bitrain.golden import accumulate_and_fire
from bitrain.spec import Layer, Neuron, Shape, Word, input_slots

from .straight_through import round_through, straight_through
from .sums import ExactSums, Geometry, StochasticSums


class Noise(NamedTuple):
    """Error of stochastic sums against real ones, in product bits: moments per channel."""

    mean: Tensor
    deviation: Tensor


class ScLayer(nn.Module):
    """One engine step with trainable weights; calibration sets scales, shifts and gain."""

    clip: Tensor
    in_scale: Tensor
    in_ratio: Tensor | None
    shift: Tensor
    upscale: Tensor
    gain: Tensor

    def __init__(
        self,
        source: FloatLayer,
        bits: int,
        sums: ExactSums,
        *,
        parts: int = 1,
        neuron: Neuron = "counter",
        lost: Iterable[int] = (),
        word: Word | None = None,
        flattened: Shape | None = None,
    ):
        """parts: how many outputs lie behind each other in what is read. lost: d of short runs.

        word, flattened: as in ``spec.Layer``.
        """
        super().__init__()
        self.words = {"word": word, "flattened": flattened if word else None}
        self.neuron: Neuron = neuron
        self.source = source
        self.bits = bits
        self.full_sums = sums
        self.shorter_sums = nn.ModuleDict({str(d): sums.shorter(d) for d in lost if d})
        self.lost = 0
        """d of the run at work."""
        window = flattened or Shape(*source.weight.shape[1:])
        self.slots = None if word is None else input_slots(word.slots(window))
        """Of each input, by which it meets lanes; None: its own number."""
        self.noise: dict[int, Noise] = {}
        """By d. Where it is set, training adds noise to real sums in the place of exact ones."""
        self.weight = nn.Parameter(source.weight.clone(), requires_grad=source.trained)
        self.bias = nn.Parameter(source.bias.clone())
        self.register_buffer("clip", source.weight.abs().max().double())
        self.register_buffer("in_scale", torch.ones((), dtype=torch.float64))
        ratio = torch.ones(source.in_shape.channels, dtype=torch.float64) if parts > 1 else None
        self.register_buffer("in_ratio", ratio)
        self.register_buffer("shift", torch.zeros((), dtype=torch.int64))
        self.register_buffer("upscale", torch.zeros(len(source.bias), dtype=torch.int64))
        self.register_buffer("gain", torch.ones((), dtype=torch.int64))

    @property
    def sums(self) -> ExactSums:
        """Of the run at work."""
        found = self.shorter_sums[str(self.lost)] if self.lost else self.full_sums
        assert isinstance(found, ExactSums)
        return found

    @property
    def most_lost(self) -> int:
        """Bits that the shift loses in the shortest run."""
        return 0 if self.sums.loses_bits else max(map(int, self.shorter_sums), default=0)

    @property
    def one(self) -> int:
        """2^n, the integer that stands for 1."""
        return 1 << self.sums.bits

    @property
    def coarser(self) -> int:
        """By how many bits the unit of sums is coarser in the run at work."""
        return (self.full_sums.length // self.sums.length).bit_length() - 1

    @property
    def run_shift(self) -> int:
        """Shift of the run at work."""
        kept = self.lost - self.coarser if self.sums.loses_bits else -self.lost
        return int(self.shift.item()) + kept

    @property
    def product_scale(self) -> float:
        """What one product bit of a channel without upscale stands for: c s / L."""
        return (self.clip * self.in_scale).item() / self.sums.length

    @property
    def out_scale(self) -> float:
        """What a full activation stands for in the float network: s'."""
        return self.product_scale * 2.0 ** (self.run_shift + self.sums.bits)

    @property
    def upscaled(self) -> Tensor:
        """2^upscale of every channel, float64: (out, 1, 1)."""
        return torch.exp2(self.upscale.double())[:, None, None]

    @property
    def rounding(self) -> Tensor:
        """What turns the floor of the requantisation into rounding, where sums are fine enough.

        (out, 1, 1). Export adds what is whole of it to the bias; binary arithmetic has the rest. In
        a prefix of streams it is in the bias too, whose bits beyond the prefix are rounded off.
        """
        step = self.upscaled * 2.0**self.run_shift
        whole = self.lost == 0 or self.sums.loses_bits
        return step / 2 * (self.source.relu & whole & (step * self.sums.fineness >= 2))

    @property
    def scaled_weight(self) -> Tensor:
        """Weights for inputs of one scale, ``in_scale``: (out, in / groups, rows, columns)."""
        if self.in_ratio is None:
            return self.weight
        ratios = self.in_ratio.to(self.weight.dtype).unflatten(0, (self.source.groups, 1, -1))
        channels = len(self.weight) // self.source.groups
        return self.weight * ratios.expand(-1, channels, -1).flatten(0, 1)[:, :, None, None]

    def integer_weight(self) -> Tensor:
        """Signed magnitudes (out, in / groups, rows, columns); saturated ones have no gradient."""
        clips = (self.clip / self.upscaled[:, None]).to(self.weight.dtype)
        numbers = (self.scaled_weight / clips).clamp(-1, 1) * (1 << self.bits)
        if self.sums.loses_bits and self.lost:
            fewer = numbers / 2**self.lost
            return straight_through(fewer, (numbers.detach().round() / 2**self.lost).trunc())
        return round_through(numbers)

    def integer_bias(self) -> Tensor:
        """Initial accumulators (out,) in product bits, float64, without the rounding half."""
        real = self.bias.double() * self.upscaled.flatten() / self.product_scale
        if not self.lost:
            return round_through(real)
        fewer = 2**self.coarser
        half = self._exported_half()
        exact = (real.detach() * fewer).round() + half
        return straight_through(real, ((exact + fewer // 2) / fewer).floor())

    def _exported_half(self) -> Tensor:
        """What of the rounding half stays in the bias of a prefix of streams: (out,), float64.

        Not where the prefix is so short that its last bit is a whole step.
        """
        right = (self.shift + self.upscale).double()
        kept = self.source.relu & (right >= 1) & (right - self.lost >= 1)
        return torch.exp2(right) / 2 * (kept & (not self.sums.loses_bits))

    def run_gain(self) -> Tensor:
        """Gain of the shortcut in the run at work."""
        if self.sums.loses_bits:
            return self.gain << self.lost - self.coarser
        if not self.lost:
            return self.gain
        fewer = 1 << self.lost
        return (self.gain + fewer // 2) // fewer * (self.gain >= fewer)

    def integer_padding(self) -> Tensor | None:
        """What stands around each input channel, 0 … 2^n, (in,); None: zero."""
        value = self.source.padding_value
        if value is None:
            return None
        unit = self.in_scale if self.in_ratio is None else self.in_scale * self.in_ratio
        one, fewer = 1 << self.bits, (1 << self.bits) // self.one
        numbers = (value.to(unit) * one / unit).round().clamp(0, one)
        return (numbers / fewer).floor()

    def accumulate(
        self, activations: Tensor, added: Tensor | None = None, *, real: bool = False
    ) -> Tensor:
        """Integers 0 … 2^n (batch, in, rows, columns) to accumulators A in product bits.

        added: what the shortcut's source stored. real: without stochastic errors.
        """
        source, weight = self.source, self.integer_weight()
        maps = activations.reshape(len(activations), *source.in_shape)
        maps, padding = source.surround(maps, self.integer_padding())
        geometry = Geometry(source.stride, padding, source.dilation, source.groups, self.slots)
        if real:
            sums = F.conv2d(maps, weight, None, *geometry[:4])
            sums = sums * (self.sums.length / 4.0**self.sums.bits)
        else:
            sums = self.sums(maps, weight, geometry)
        constants = self.integer_bias()[:, None, None]
        gains = self.run_gain() * self.upscaled
        largest = constants.detach().abs().max() + self.rounding.max() + gains.max() * self.one
        sums = sums.to(self.sums.dtype(weight[0].numel(), int(largest.item())))
        sums = sums + constants.to(sums.dtype)
        if source.shortcut is not None and added is not None:
            sums = sums + source.shortcut.take(added) * gains.to(sums.dtype)
        return sums

    def finish(self, accumulators: Tensor) -> Tensor:
        """Requantise and pool: integers 0 … 2^n; accumulators of the last layer are scores."""
        if not self.source.relu:
            return accumulators
        clipped = self._scaled(accumulators).clamp(0, self.one)
        return self._pooled(straight_through(clipped, clipped.detach().floor()).float())

    def fire(self, activations: Tensor, accumulators: Tensor) -> Tensor:
        """Stream mode: integers 0 … 2^n that pooling windows fire, of inputs and their sums.

        The gradient is that of the pooled sums, where these are positive or a window fired, and
        did not fire all the time.
        """
        assert isinstance(self.sums, StochasticSums)
        maps = activations.detach().cpu().numpy().reshape(len(activations), *self.source.in_shape)
        stored = accumulate_and_fire(self.sums.streams, maps, self.to_layer())
        exact = torch.from_numpy(stored).to(activations.device, torch.float32)
        sums = self._pooled(self._scaled(accumulators)).float()
        live = ((sums > 0) | (exact > 0)) & (exact < self.one)
        return straight_through(torch.where(live, sums, sums.detach()), exact)

    def _scaled(self, accumulators: Tensor) -> Tensor:
        dtype = accumulators.dtype
        scale = (2.0**-self.run_shift / self.upscaled).to(dtype)
        return (accumulators + self.rounding.to(dtype)) * scale

    def _pooled(self, activations: Tensor) -> Tensor:
        return pooled(activations, self.source.pool)

    def forward(self, activations: Tensor, added: Tensor | None = None) -> Tensor:
        """Integers 0 … 2^n (batch, in, rows, columns) to those of the next layer, or to scores."""
        if not self.noise or not self.training:
            accumulators = self.accumulate(activations, added)
            if self.neuron == "stream":
                return self.fire(activations, accumulators)
            return self.finish(accumulators)
        accumulators = self.accumulate(activations, added, real=True)
        noise = self.noise[self.lost]
        error = torch.randn_like(accumulators) * noise.deviation + noise.mean
        return self.finish(accumulators + error)

    def to_layer(self) -> Layer:
        """The layer as the network file holds it: at full length."""
        assert not self.lost
        return self.source.to_layer(
            weight=self.integer_weight(),
            bias=self.integer_bias() + self.rounding.flatten().floor(),
            upscale=self.upscale,
            shift=int(self.shift.item()) if self.source.relu else 0,
            stream_length=self.sums.length,
            gain=int(self.gain.item()),
            neuron=self.neuron,
            padding_value=self.integer_padding(),
            **self.words,
        )
