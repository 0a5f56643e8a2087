"""Samples of a family whose blocks take what the features say, and no tool was asked."""

from collections import defaultdict
from functools import cache

from bitrain.gen.families.devices import find_device
from bitrain.resources.drawing import draw
from bitrain.resources.features import (
    BLOCKS,
    clock_features,
    dsp_blocks,
    features,
    needs_of,
    ram_luts,
)
from bitrain.resources.samples import Sample

DEVICE = "ecp5-85k"
FLAT, ROUTED = 0.8, 1.1
"""What a flattened netlist has of the blocks' LUTs, and what routing makes of it."""


@cache
def made(seed: int) -> Sample:
    """The sample of a seed: a LUT and two flip-flops for each unit of a feature, over five."""
    drawn, device = draw(seed), find_device(DEVICE)
    engines = drawn.compile()
    needs = needs_of(engines, device)
    found, ram = features(engines, needs), ram_luts(needs, device)
    path_of = {block: path for path, block in reversed(BLOCKS)}
    blocks: dict[str, dict[str, int]] = defaultdict(dict)
    for block, values in found.items():
        size = round(sum(values.values()) / 5)
        blocks[path_of[block]] = {"logic_lut": size, "ff": 2 * size}
    luts = sum(each["logic_lut"] for each in blocks.values())
    lut = round(FLAT * luts) + ram
    period = 4 + clock_features(engines, needs, lut)["score"] / 8
    return Sample(
        seed=seed,
        drawn=drawn,
        device=DEVICE,
        lut=lut,
        ff=2 * luts,
        bram=sum(need.blocks for memories in needs for need in memories),
        dsp=dsp_blocks(engines, device),
        ram_lut=ram,
        blocks=dict(blocks),
        routed_lut=round(ROUTED * FLAT * luts) + ram,
        clock_mhz=1e3 / period,
        tools={},
    )
