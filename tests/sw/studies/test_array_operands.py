"""Chunks of operands: all of them together are a layer's sums, and pairs are neighbours."""

from itertools import product

import numpy as np
import pytest
from networks import grouped_network, padded_network, random_images, random_network, worded

from bitrain import golden
from bitrain.gen.asic.gates import COPIES
from bitrain.program import Array, Program
from bitrain.studies.array_operands import activation_chunks, draw, weight_chunks

NETWORKS = {
    "random": random_network(3, lanes=4),
    "grouped": grouped_network(1),
    "padded": padded_network(2),
    "words": worded(random_network(5, lanes=4), 2),
}


def neurons_of(layer) -> list[tuple[int, int]]:
    """Row and column of each neuron, the members of a pooling window after each other."""
    rows, columns = map(layer.pool_window.places, (0, 1), layer.conv_shape[1:])
    return [(y, x) for ys in rows for xs in columns for y, x in product(ys, xs)]


@pytest.mark.parametrize("name", NETWORKS)
def test_all_chunks_give_the_sums(name) -> None:
    network = NETWORKS[name]
    array = Array(channels=3, positions=2, lanes=network.num_lanes)
    images = random_images(network, 1)
    outputs = golden.run(network, images, "binary")
    for index, inputs in enumerate(golden.layer_inputs(network, images, outputs)):
        layer, tiling = network.layers[index], Program(network, array).tilings[index]
        weights, activations = weight_chunks(layer, array), activation_chunks(layer, array, inputs)
        assert weights.shape == (tiling.channel_tiles, tiling.chunks, 3, array.lanes)
        shape = (layer.groups, tiling.position_tiles, tiling.chunks, 2, array.lanes)
        assert activations.shape == shape
        plain = layer.model_copy(update={"shortcut": None})
        sums, _ = golden.layer_sums(network, plain, inputs, [*outputs, images], "binary")
        tiles, neurons = tiling.channel_tiles // layer.groups, neurons_of(layer)
        for group, tile, p in product(range(layer.groups), range(tiles), range(3)):
            of_tile = weights[group * tiles + tile][:, p]
            found = np.einsum("cn,tcqn->tq", of_tile, activations[group]).ravel()
            channel = tile * 3 + p
            if channel >= layer.group_channels:
                assert not of_tile.any()
                continue
            channel += group * layer.group_channels
            wanted = [sums[0, channel, y, x] for y, x in neurons]
            assert found.tolist() == wanted + [0] * (len(found) - len(wanted))


def test_each_chunk_is_behind_the_one_before_it() -> None:
    network = NETWORKS["random"]
    array = Array(channels=3, positions=2, lanes=4)
    program, images = Program(network, array), random_images(network, 3)
    inputs = golden.layer_inputs(network, images, golden.run(network, images))[1]
    operands = draw(program, 1, inputs, 5, np.random.default_rng(0))
    layer, tiling = network.layers[1], program.tilings[1]
    assert operands.weights.shape == (COPIES, 10, 3, 4)
    assert operands.activations.shape == (COPIES, 10, 2, 4)
    weights = weight_chunks(layer, array)
    order = [
        [
            (weights[tile, chunk].tobytes(), each[0, place, chunk].tobytes(), chunk)
            for tile in range(tiling.channel_tiles)
            for place in range(tiling.position_tiles)
            for chunk in range(tiling.chunks)
        ]
        for each in (activation_chunks(layer, array, inputs[i : i + 1]) for i in range(3))
    ]
    following = {pair for one in order for pair in zip([one[-1], *one], one, strict=False)}
    seen = set()
    for copy in range(COPIES):
        for i in range(0, 10, 2):
            pair = []
            for k in (i, i + 1):
                numbers = operands.weights[copy, k], operands.activations[copy, k]
                found = {
                    chunk
                    for one in order
                    for w, x, chunk in one
                    if (w, x) == tuple(each.tobytes() for each in numbers)
                    and operands.last[copy, k] == (chunk == tiling.chunks - 1)
                }
                pair.append([(*(each.tobytes() for each in numbers), c) for c in found])
            assert any(one in following for one in product(*pair))
            seen.update(each[2] for each in pair[1])
    assert seen == set(range(tiling.chunks))
