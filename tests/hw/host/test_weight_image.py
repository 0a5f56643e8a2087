"""The weight image: order and parts of its entries, and the networks that it is refused for."""

import numpy as np
import pytest
from networks import padded_network, random_network, residual_network, retrained, streamed

from bitrain.host import weight_image, write_weight_image
from bitrain.host.weight_image import num_image_words, words_per_entry
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, Layer, Network

NETWORK = random_network(4, bits=3, lanes=2, in_shape=(1, 4, 4))
ARRAY = Array(channels=2, positions=2, lanes=2)


def changed(network: Network, index: int, **fields) -> Network:
    layers = list(network.layers)
    layers[index] = Layer.model_validate({**dict(layers[index]), **fields})
    return Network.model_validate({**dict(network), "name": "other", "layers": tuple(layers)})


def loadable(network: Network = NETWORK, array: Array = ARRAY, **options) -> Program:
    return Program(network, array, weights="ram", **options)


@pytest.mark.parametrize(("channels", "parts"), [(1, 1), (6, 1), (7, 2), (13, 4)])
def test_entries_in_parts(channels, parts):
    program = loadable(array=Array(channels=channels, positions=1, lanes=2))
    other = retrained(NETWORK)
    assert words_per_entry(program) == parts
    image = weight_image(program, other)
    assert image.dtype == np.uint32 and len(image) == num_image_words(program)
    entries = [
        sum(int(word) << 32 * i for i, word in enumerate(image[first : first + parts]))
        for first in range(0, len(image), parts)
    ]
    compiled = loadable(other, program.array)
    assert entries == compiled.weight_words + compiled.bias_words


def test_file(tmp_path):
    program = loadable()
    write_weight_image(program, NETWORK, tmp_path / "weights.bin")
    words = np.frombuffer((tmp_path / "weights.bin").read_bytes(), "<u4")
    np.testing.assert_array_equal(words, weight_image(program, NETWORK))


@pytest.mark.parametrize("build", [random_network, residual_network])
@pytest.mark.parametrize(("run_time_length", "or_lanes"), [(False, 1), (True, 1), (True, 2)])
def test_other_trainings_fit(build, run_time_length, or_lanes):
    """Accumulators have room for any weights."""
    network = build(3, bits=3, lanes=2)
    network = Network.model_validate({**dict(network), "or_lanes": or_lanes})
    program = loadable(network, run_time_length=run_time_length)
    for seed in range(4):
        other = retrained(network, seed)
        assert len(weight_image(program, other)) == num_image_words(program)
    ones = [
        Layer.model_validate({**dict(y), "weight": np.full_like(y.weight, -network.one)})
        for y in network.layers
    ]
    weight_image(program, Network.model_validate({**dict(network), "layers": tuple(ones)}))


def test_the_program_is_that_of_rom_but_for_room():
    rom, ram = Program(NETWORK, ARRAY), loadable()
    assert ram.weight_words == rom.weight_words
    assert ram.descriptor_words == rom.descriptor_words
    assert ram.score_bits == ram.count_bits + 2 >= rom.score_bits
    assert ram.upscale_bits == 3


@pytest.mark.parametrize(
    ("index", "fields", "message"),
    [
        (0, {"shift": 3}, r"layer 'conv2d\w+' has right_shift = \d+, the layer program in its ROM"),
        (1, {"stream_length": 4}, r"layer 'conv2d\w+' has last_cycle = 3, .* ROM 7;"),
        (1, {"bias": "large"}, r"its accumulators take 14 bits, the accelerator has 10;"),
    ],
)
def test_another_program_is_refused(index, fields, message):
    layer = NETWORK.layers[index]
    if fields.get("bias") == "large":
        fields = {"bias": np.full_like(layer.bias, 1 << 12)}
    with pytest.raises(BitrainError, match=f"network 'other' does not fit.*{message}"):
        weight_image(loadable(), changed(NETWORK, index, **fields))


def test_other_layers_and_sequences_are_refused():
    other = random_network(5, bits=3, lanes=2, in_shape=(1, 4, 4))
    with pytest.raises(BitrainError, match="its activation sequence or lanes are others"):
        weight_image(loadable(), other)
    residual = residual_network(4, bits=3, lanes=2)
    banks = {name: getattr(NETWORK, name) for name in ("activation_bank", "weight_bank")}
    residual = Network.model_validate({**dict(residual), **banks})
    with pytest.raises(BitrainError, match="6 layers, expected 3"):
        weight_image(loadable(), residual)


def test_other_values_around_maps_are_refused():
    network = padded_network(0, bits=3, lanes=2)
    program = Program(network, ARRAY, weights="ram")
    assert len(weight_image(program, retrained(network))) == num_image_words(program)
    values = 1 + network.layers[0].padding_value % network.one
    with pytest.raises(BitrainError, match=r"the values around its maps are others, .* ROM;"):
        weight_image(program, changed(network, 0, padding_value=values))


def test_weights_in_rom():
    with pytest.raises(BitrainError, match=r"weights are in ROM; .* --weights ram"):
        weight_image(Program(NETWORK, ARRAY), NETWORK)


def test_neurons_that_fire_have_constants_in_rom():
    network = streamed(random_network(0, bits=3, lanes=4))
    with pytest.raises(BitrainError, match="is in stream mode, whose constants are ROM"):
        Program(network, Array(channels=2, positions=4, lanes=4), weights="ram")
