"""What neurons get of a shortcut and become of their counts, from the words of the contract."""

import numpy as np
from windows import neuron_positions

from bitrain.program import Program


def added_elements(program: Program, index: int) -> dict[tuple[int, int], tuple[int, int, int]]:
    """Channel, row and column of what is added, by output channel and position."""
    layer = program.network.layers[index]
    if not (shortcut := layer.shortcut):
        return {}
    positions = neuron_positions(layer)
    channels = program.network.added_shape(shortcut.source).channels
    return {
        (shortcut.before + c, i): (c, y * shortcut.stride[0], x * shortcut.stride[1])
        for c in range(channels)
        for i, (y, x) in enumerate(positions)
    }


def results(
    program: Program, index: int, counts: np.ndarray, source: np.ndarray | None
) -> np.ndarray:
    """Stored activations, or scores, (channels, pixels), of counts (channels, positions).

    counts: row by row those that the tiles have room for; ``source``: the map that a shortcut adds.
    """
    network, layer = program.network, program.network.layers[index]
    groups = np.split(counts, layer.groups)
    values = np.concatenate([group[: layer.group_channels] for group in groups])
    values = values[:, : len(neuron_positions(layer))] + program.sums[index].constants[:, None]
    for (channel, position), element in added_elements(program, index).items():
        assert layer.shortcut and source is not None
        added = layer.shortcut.gain * int(source[element])
        values[channel, position] += added << int(layer.upscale[channel])
    if not layer.relu:
        return values
    scale = 2.0 ** (layer.shift + layer.upscale[:, None])
    values = np.clip(np.floor(values / scale), 0, network.one).astype(int)
    return values.reshape(layer.out_channels, -1, program.tilings[index].window).max(-1)
