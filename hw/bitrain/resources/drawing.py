"""Accelerators drawn at random: what the resource model is fitted to, and what judges it.

A network is drawn by its shapes; its weights are random and cost nothing but memory.
"""

from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from bitrain.accelerator import Engines, compile_network
from bitrain.program import AcceleratorConfig
from bitrain.spec import (
    BitrainError,
    Exit,
    LaneWire,
    Layer,
    MaxPool2d,
    Network,
    Shape,
    Shortcut,
    SngBank,
    Sobol,
    VanDerCorput,
    best_word,
)
from bitrain.spec.bank import Generator
from bitrain.spec.word import WordSize

MOST_MULTIPLIERS = 1024
"""P Q N of the largest array that is drawn."""
_LARGE = 0.2
"""Part of the arrays that may be larger than a quarter of that; they take long to synthesise."""


class DrawnLayer(BaseModel):
    """A layer by its shape."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: int
    kernel: int = 0
    """Rows and columns; 0 for a linear layer."""
    stride: int = 1
    pool: int = 1
    adds: int | None = None
    """The earlier layer whose output it adds."""
    groups: int = 1


class DrawnNetwork(BaseModel):
    """A network by its shapes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    """Of weights, biases and upscales."""
    bits: int
    length: int
    lanes: int
    word: WordSize | None = None
    or_lanes: Literal[1, 2, 4, 8] = 1
    multiplexers: bool = False
    """The activation SNGs are multiplexers."""
    image: tuple[int, int, int]
    layers: tuple[DrawnLayer, ...]
    exits: tuple[int, ...] = ()

    def build(self) -> Network:
        """The network, with weights from its seed."""
        rng = np.random.default_rng(self.seed)
        layers: list[Layer] = []
        for index, drawn in enumerate(self.layers):
            before = layers[-1].out_shape if layers else Shape(*self.image)
            layers.append(
                self._layer(rng, drawn, before, layers, last=index == len(self.layers) - 1)
            )
        kind: Generator = "multiplexer" if self.multiplexers else "comparator"
        sequence = VanDerCorput(width=self.bits)  # the pair and wiring of networks as trained
        inverts = sequence.values[np.arange(self.lanes) % len(sequence.values)].tolist()
        lanes = tuple(LaneWire(invert=invert) for invert in inverts)
        return Network(
            name="drawn",
            activation_bank=SngBank(sequence=sequence, lanes=lanes, generator=kind),
            weight_bank=SngBank.wired(Sobol(width=self.bits), self.lanes, "identical"),
            or_lanes=self.or_lanes,
            layers=tuple(layers),
            image_shape=Shape(*self.image) if not self.layers[0].kernel else None,
            exits=tuple(Exit(length=length, margin=length // 2) for length in self.exits),
        )

    def _layer(
        self,
        rng: np.random.Generator,
        drawn: DrawnLayer,
        before: Shape,
        layers: list[Layer],
        *,
        last: bool,
    ) -> Layer:
        linear = not drawn.kernel
        shape = Shape(before.size, 1, 1) if linear else before
        kernel = drawn.kernel or 1
        inputs = shape.channels // drawn.groups * kernel * kernel
        window = before if linear else Shape(shape.channels // drawn.groups, kernel, kernel)
        one = 1 << self.bits
        return Layer(
            kind="linear" if linear else "conv2d",
            name=f"layer{len(layers)}",
            in_shape=shape,
            weight=rng.integers(
                -one, one + 1, (drawn.channels, shape.channels // drawn.groups, kernel, kernel)
            ),
            bias=rng.integers(
                -self.length * inputs // 8, self.length * inputs // 8 + 1, drawn.channels
            ),
            shift=0 if last else round(np.log2(self.length * np.sqrt(inputs) / one)),
            upscale=rng.integers(0, 3, drawn.channels) * (not last),
            stream_length=self.length,
            relu=not last,
            stride=(drawn.stride, drawn.stride),
            padding=(kernel // 2, kernel // 2),
            groups=drawn.groups,
            pool=MaxPool2d(kernel=(drawn.pool, drawn.pool), stride=(drawn.pool, drawn.pool))
            if drawn.pool > 1
            else None,
            shortcut=None if drawn.adds is None else Shortcut(source=drawn.adds, gain=self.length),
            word=best_word(window, self.word) if self.word else None,
            flattened=before if linear and self.word else None,
        )


class Drawn(BaseModel):
    """An accelerator that was drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: DrawnNetwork
    config: AcceleratorConfig

    def compile(self) -> Engines:
        """Its layer programs."""
        return compile_network(self.network.build(), self.config)


def draw(seed: int) -> Drawn:
    """An accelerator of a network; every seed gives another one."""
    rng = np.random.default_rng(seed)
    while True:
        try:
            drawn = _draw(rng, seed)
            most = MOST_MULTIPLIERS // (1 if rng.random() < _LARGE else 4)
            if drawn.config.array.multipliers * drawn.config.engines <= most:
                drawn.compile()
                return drawn
        except (BitrainError, ValueError):  # what does not go together
            continue


def _draw(rng: np.random.Generator, seed: int) -> Drawn:
    def pick(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    def chance(part: float) -> bool:
        return bool(rng.random() < part)

    arithmetic = pick("stochastic", "stochastic", "stochastic", "bitserial", "binary", "dsp")
    streams = arithmetic == "stochastic"
    width: Literal[1, 2, 4, 8] = pick(1, 1, 2, 4, 8)
    bits = int(rng.integers(2, 7))
    length = 1 << (bits - pick(0, 0, 0, 1) * (bits > 2))
    lanes = pick(4, 8, 16, 32) if arithmetic in ("stochastic", "bitserial") else pick(1, 2, 4, 8)
    terminates = chance(0.25) and arithmetic in ("stochastic", "bitserial")
    or_lanes = pick(2, 4) if streams and width == 1 and chance(0.15) else 1
    network = DrawnNetwork(
        seed=seed,
        bits=bits,
        length=length,
        lanes=lanes,
        word=None if width == 1 else width,
        or_lanes=or_lanes,
        multiplexers=streams and chance(0.3),
        image=_image(pick),
        layers=tuple(_layers(pick, chance)),
        exits=(max(1, length // 4),) if terminates else (),
    )
    config = {
        "array": {
            "channels": pick(1, 2, 4, 4, 8, 8, 16),
            "positions": pick(1, 2, 4, 4, 8, 8),
            "lanes": lanes,
            "width": width,
            "arithmetic": "binary" if arithmetic == "dsp" else arithmetic,
            "dsp": arithmetic == "dsp",
        },
        "interface": pick("raw", "axi"),
        "early_termination": terminates,
        "run_time_length": terminates
        or (chance(0.2) and arithmetic in ("stochastic", "bitserial")),
        "weights": pick("rom", "rom", "rom", "ram", "stream"),
        "skip_zeros": streams and or_lanes == 1 and chance(0.15),
        "engines": 2 if chance(0.08) else 1,
    }
    return Drawn(network=network, config=AcceleratorConfig.model_validate(config))


def _image(pick: Any) -> tuple[int, int, int]:
    size = pick(8, 12, 16, 28, 32)
    return pick(1, 1, 3), size, size


def _layers(pick: Any, chance: Any) -> list[DrawnLayer]:
    """Convolutions, of which some add an earlier output or have groups, and linear layers."""
    layers = [
        DrawnLayer(
            channels=pick(4, 6, 8, 16), kernel=pick(3, 5), pool=pick(1, 2), stride=pick(1, 1, 2)
        )
    ]
    for _ in range(pick(0, 1, 1, 2, 3)):
        channels = layers[-1].channels
        if chance(0.3):  # a residual block
            source = len(layers) - 1
            layers += [
                DrawnLayer(channels=channels, kernel=3, groups=channels if chance(0.2) else 1),
                DrawnLayer(channels=channels, kernel=pick(1, 3), adds=source),
            ]
        else:
            layers.append(
                DrawnLayer(
                    channels=pick(8, 16, 24, 32, 64),
                    kernel=pick(1, 3, 5),
                    pool=pick(1, 2),
                    stride=pick(1, 2),
                )
            )
    layers += [DrawnLayer(channels=pick(16, 32, 64, 120))] * pick(0, 0, 1)
    return [*layers, DrawnLayer(channels=pick(2, 5, 10, 10, 20))]
