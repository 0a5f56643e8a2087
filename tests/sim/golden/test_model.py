"""The golden model: the fast one against the bit-by-bit one, and both against arithmetic."""

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import (
    dense_network,
    grouped_network,
    padded_network,
    random_images,
    random_network,
    worded,
)
from strategies import banks, networks

from bitrain import golden
from bitrain.spec import BitrainError, Layer, Network, Ramp, Shape, SngBank, VanDerCorput
from bitrain.spec.prefix import all_prefixes


def assert_same(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.dtype == other.dtype == np.int64
        assert np.array_equal(one, other)


@settings(deadline=None, max_examples=60)
@given(network=networks(shortcut=True, stream=True, or_lanes=True), seed=st.integers(0, 1000))
def test_fast_model_is_the_reference_bit_by_bit(network, seed):
    images = random_images(network, 2, seed)
    assert_same(golden.run(network, images), golden.run_reference(network, images))


@settings(deadline=None, max_examples=40)
@given(network=networks(shortcut=True, stream=True, or_lanes=True), seed=st.integers(0, 1000))
def test_exact_sums_are_the_references(network, seed):
    images = random_images(network, 2, seed)
    found = golden.run_reference(network, images, "binary")
    assert_same(golden.run(network, images, "binary"), found)


@settings(deadline=None, max_examples=30)
@given(network=networks(shortcut=True, or_lanes=True), seed=st.integers(0, 1000))
def test_prefixes_are_the_references(network, seed):
    """Which makes its own biases, shifts and gains of a prefix."""
    images = random_images(network, 1, seed)
    for length, prefix in all_prefixes(network).items():
        found = golden.run_reference(network, images, length=length)
        assert_same(golden.run(prefix, images), found)


@pytest.mark.parametrize("build", [random_network, padded_network, dense_network, grouped_network])
@pytest.mark.parametrize("along", [None, "channels", "columns"])
@pytest.mark.parametrize("size", [2, 4, 8])
def test_inputs_in_words(build, along, size):
    """They meet other lanes, which exact sums do not feel."""
    plain = build(size)
    network, images = worded(plain, size, along), random_images(plain, 1)
    assert_same(golden.run(network, images), golden.run_reference(network, images))
    exact = golden.run(network, images, "binary")
    assert_same(exact, golden.run(plain, images, "binary"))
    for length, prefix in all_prefixes(network).items():
        found = golden.run_reference(network, images, length=length)
        assert_same(golden.run(prefix, images), found)


@pytest.mark.parametrize("length", [1, 2, 32, 64, 128, 256])
def test_streams_around_the_word_length(length):
    """Several streams in a word of 64 bits, one, and several words for one."""
    network = random_network(length, bits=8, lanes=3, length=length, in_shape=(1, 6, 6))
    images = random_images(network, 1)
    assert_same(golden.run(network, images), golden.run_reference(network, images))


@settings(deadline=None, max_examples=40)
@given(network=networks(shortcut=True, or_lanes=True))
def test_shapes_and_ranges(network):
    outputs = golden.run(network, random_images(network, 3))
    for layer, output in zip(network.layers, outputs, strict=True):
        assert output.shape == (3, *layer.out_shape)
        low, high = network.accumulator_range(layer) if not layer.relu else (0, network.one)
        assert low <= output.min() and output.max() <= high


# --- exact cases -------------------------------------------------------------------------------


def one_layer(bits: int, weight: np.ndarray, bias: np.ndarray, length: int, **banks_) -> Network:
    """Weights (out, in, rows, columns) and their bias as a network of scores."""
    return Network(
        name="one",
        layers=(
            Layer(
                kind="conv2d",
                name="scores",
                in_shape=Shape(weight.shape[1], 6, 6),
                weight=weight,
                bias=bias,
                stream_length=length,
                relu=False,
            ),
        ),
        **banks_,
    )


@settings(deadline=None, max_examples=40)
@given(data=st.data(), bits=st.integers(2, 8))
def test_products_by_zero_and_one_are_exact(data, bits):
    """Full-period streams of w = 0 or 1 gate the activation: plain integer arithmetic."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    weight = rng.integers(-1, 2, (3, 2, 3, 2)) << bits
    bias = rng.integers(-100, 100, 3)
    network = one_layer(
        bits,
        weight,
        bias,
        1 << bits,
        activation_bank=data.draw(banks(bits, 3)),
        weight_bank=data.draw(banks(bits, 3)),
    )
    images = random_images(network, 2)
    (scores,) = golden.run(network, images)
    for image, o, y, x in np.ndindex(2, *network.layers[0].out_shape):
        window = images[image, :, y : y + 3, x : x + 2]
        assert scores[image, o, y, x] == bias[o] + (window * np.sign(weight[o])).sum()


def test_products_of_van_der_corput_and_ramp_are_nearly_exact():
    """The best pair: a full period errs by at most n / 2 + 1 ones, whatever the numbers."""
    bits, one = 5, 32
    bank = {
        "activation_bank": SngBank.wired(VanDerCorput(width=bits), 1, "identical"),
        "weight_bank": SngBank.wired(Ramp(width=bits), 1, "identical"),
    }
    for magnitude in range(one + 1):
        network = one_layer(bits, np.full((1, 1, 1, 1), magnitude), np.zeros(1, int), one, **bank)
        images = np.resize(np.arange(one + 1), (1, 1, 6, 6))
        (scores,) = golden.run(network, images)
        assert np.abs(scores - images * magnitude / one).max() <= bits / 2 + 1


def test_two_of_the_same_sequence_give_the_minimum():
    bank = SngBank.wired(VanDerCorput(width=4), 1, "identical")
    weight = np.full((1, 1, 1, 1), -11)
    network = one_layer(4, weight, np.array([5]), 16, activation_bank=bank, weight_bank=bank)
    images = np.resize(np.arange(17), (1, 1, 6, 6))
    (scores,) = golden.run(network, images)
    assert np.array_equal(scores, 5 - np.minimum(images, 11))


# --- binary baseline ---------------------------------------------------------------------------


def binary(network: Network, image: np.ndarray) -> list[np.ndarray]:
    """Exact integer arithmetic with the same numbers, one product at a time, in plain Python."""
    outputs, one = [], network.one
    stored = {-1: image}
    for index, layer in enumerate(network.layers):
        source = index - 1 if layer.source is None else layer.source
        flat = np.reshape(stored[source], layer.in_shape)
        added = np.zeros(layer.conv_shape, object)
        if layer.shortcut:
            (vh, vw), before = layer.shortcut.stride, layer.shortcut.before
            kept = [image, *outputs][layer.shortcut.source + 1][:, ::vh, ::vw]
            added[before : before + len(kept)] = kept * layer.shortcut.gain
        (kh, kw), (sh, sw), (ph, pw) = layer.kernel, layer.stride, layer.padding
        dh, dw = layer.dilation
        neurons = np.zeros(layer.conv_shape, object)
        for o, y, x in np.ndindex(*layer.conv_shape):
            # In units of 2^-2n / L: a product of streams counts one in L, a product of numbers
            # in 2^2n.
            total = int(layer.bias[o]) * one * one
            total += int(added[o, y, x]) * one * one * 2 ** int(layer.upscale[o])
            first = o // (layer.weight.shape[0] // layer.groups) * layer.weight.shape[1]
            for c, i, j in np.ndindex(layer.weight.shape[1], kh, kw):
                row, column = y * sh + i * dh - ph, x * sw + j * dw - pw
                activation = int(layer.padding_value[first + c])
                if 0 <= row < layer.in_shape.height and 0 <= column < layer.in_shape.width:
                    activation = int(flat[first + c, row, column])
                total += activation * int(layer.weight[o, c, i, j]) * layer.stream_length
            if layer.relu:
                own = layer.shift + int(layer.upscale[o])
                shift = own + 2 * network.bits
                # A bias counts in whole product bits, so half a unit is in it where shift >= 1. The
                # rest of them round to nearest too, as far as products are fine enough.
                if own < 1 and shift > layer.stream_length.bit_length() - 1:
                    total += 1 << shift - 1
                total = min(max(total >> shift if shift >= 0 else total << -shift, 0), one)
            else:
                assert total % layer.stream_length == 0
                total //= layer.stream_length
            neurons[o, y, x] = total
        if layer.pool:
            (wh, ww), (vh, vw) = layer.pool.kernel, layer.pool.stride
            (before_h, before_w), (after_h, after_w) = layer.pool.padding, layer.pool.padding_after
            around = ((0, 0), (before_h, after_h), (before_w, after_w))
            ringed = np.pad(neurons, around, constant_values=-1)  # below all activations
            pooled = np.zeros(layer.out_shape, object)
            for o, y, x in np.ndindex(*layer.out_shape):
                pooled[o, y, x] = ringed[o, y * vh : y * vh + wh, x * vw : x * vw + ww].max()
            neurons = pooled
        outputs.append(neurons.astype(np.int64))
        stored[index] = neurons
        if layer.concat_after is not None:
            stored[index] = np.concatenate([stored[layer.concat_after], neurons])
    return outputs


@settings(deadline=None, max_examples=60)
@given(network=networks(shortcut=True), seed=st.integers(0, 1000))
def test_binary_baseline_is_exact_arithmetic(network, seed):
    images = random_images(network, 2, seed)
    outputs = golden.run(network, images, arithmetic="binary")
    for i, image in enumerate(images):
        assert_same([output[i] for output in outputs], binary(network, image))


def test_long_streams_come_close_to_the_baseline():
    network = random_network(5, bits=8, lanes=4)
    images = random_images(network, 4)
    stochastic = golden.run(network, images)[0]
    exact = golden.run(network, images, arithmetic="binary")[0]
    assert np.abs(stochastic - exact).mean() < 0.02 * network.one


# --- independence ------------------------------------------------------------------------------

NETWORK = random_network(7, bits=6, lanes=5)
IMAGES = random_images(NETWORK, 7)


def test_images_of_a_batch_do_not_touch_each_other():
    together = golden.run(NETWORK, IMAGES)
    alone = [golden.run(NETWORK, image[None]) for image in IMAGES]
    for i, output in enumerate(together):
        assert np.array_equal(output, np.concatenate([outputs[i] for outputs in alone]))


def test_number_of_threads_does_not_matter():
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        single = golden.run(NETWORK, IMAGES)
    finally:
        numba.set_num_threads(threads)
    assert_same(single, golden.run(NETWORK, IMAGES))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_type_and_layout_of_images_do_not_matter(dtype):
    expected = golden.run(NETWORK, IMAGES)
    assert_same(golden.run(NETWORK, IMAGES.astype(dtype)), expected)
    assert_same(golden.run(NETWORK, np.asfortranarray(IMAGES)), expected)


def test_inputs_are_left_alone():
    images = IMAGES.copy()
    golden.run(NETWORK, images)
    assert np.array_equal(images, IMAGES)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 256])
@pytest.mark.parametrize("arithmetic", ["stochastic", "binary"])
def test_predict_gives_the_scores(batch_size, arithmetic):
    scores = golden.run(NETWORK, IMAGES, arithmetic)[-1].reshape(len(IMAGES), -1)
    predicted = golden.predict(NETWORK, IMAGES, arithmetic, batch_size=batch_size)
    assert predicted.shape == (len(IMAGES), NETWORK.num_scores)
    assert np.array_equal(predicted, scores)


def test_no_images():
    outputs = golden.run(NETWORK, IMAGES[:0])
    assert [output.shape for output in outputs] == [
        (0, *layer.out_shape) for layer in NETWORK.layers
    ]
    assert golden.predict(NETWORK, IMAGES[:0]).shape == (0, NETWORK.num_scores)


# --- wrong inputs ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-1, NETWORK.one + 1])
def test_numbers_out_of_range(value):
    images = IMAGES.copy()
    images.flat[-1] = value
    with pytest.raises(ValueError, match=r"images must hold integers in 0 … 64"):
        golden.run(NETWORK, images)


@pytest.mark.parametrize("cut", [np.s_[0], np.s_[:, :, 1:], np.s_[:, None]])
def test_images_of_another_shape(cut):
    with pytest.raises(BitrainError, match=r"^images of shape .*, expected \(images, 3, 7, 8\)"):
        golden.run(NETWORK, IMAGES[cut])


def test_fractions():
    with pytest.raises(ValueError, match=r"images must hold integers"):
        golden.run(NETWORK, IMAGES / 2)


@settings(deadline=None, max_examples=30)
@given(network=networks(), seed=st.integers(0, 1000))
def test_what_is_stored_is_not_run_again(network, seed):
    images = random_images(network, 2, seed)
    whole = golden.run(network, images)
    for count in range(len(network.layers) + 1):
        again = golden.run(network, images, stored=whole[:count])
        assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))
    if len(network.layers) > 1:
        other = [np.zeros_like(whole[0])]
        assert np.array_equal(golden.run(network, images, stored=other)[0], other[0])
