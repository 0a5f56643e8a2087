"""Trip counts, by walking through all neurons."""

import numpy as np
import pytest
from networks import random_layer

from bitrain.program import Array, Tiling
from bitrain.spec import MaxPool2d, Shape


@pytest.mark.parametrize("seed", range(20))
def test_tiles_hold_every_neuron_once(seed) -> None:
    rng = np.random.default_rng(seed)
    groups = int(rng.integers(1, 3))
    pool = MaxPool2d(kernel=(2, 2), stride=(2, 2)) if rng.integers(2) else None
    shape = Shape(groups * int(rng.integers(1, 4)), 6, 8)
    layer = random_layer(
        rng, shape, groups * 3, kernel=(3, 3), groups=groups, pool=pool, bits=3, length=8
    )
    sizes = rng.integers(1, 6, 3).tolist()
    array = Array(**dict(zip(("channels", "positions", "lanes"), sizes, strict=True)))
    tiling = Tiling.of(layer, array)
    out = layer.out_shape
    neurons = {(y, x, m) for y in range(out.height) for x in range(out.width) for m in range(4)}
    members = 4 if pool else 1
    assert tiling.window == members and tiling.positions == len(neurons) * members // 4
    tiles = {
        (group, channel // array.channels, position // array.positions)
        for group in range(groups)
        for channel in range(layer.group_channels)
        for position in range(tiling.positions)
    }
    assert tiling.tiles == len(tiles)
    assert (tiling.chunks - 1) * array.lanes < layer.num_inputs <= tiling.chunks * array.lanes
