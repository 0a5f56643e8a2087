"""The converted model computes what golden computes, in every layer, for every configuration."""

import numpy as np
import pytest
import torch
from modules import part
from torch import nn

from bitrain import golden
from bitrain.models import Concatenate, Residual, Subsample, create_model, normalise_inputs
from bitrain.nn import ScConfig, ScModel, convert
from bitrain.program import ARITHMETICS
from bitrain.spec import BitrainError, Shape, to_unipolar, with_precision, with_prefix


def check_against_golden(sc_model: ScModel, images: np.ndarray) -> None:
    network = sc_model.to_network("test")
    with torch.no_grad():
        ours = sc_model.run(torch.from_numpy(images))
    theirs = golden.run(network, to_unipolar(images, network.bits), sc_model.arithmetic)
    finer = 4**network.bits // network.layers[-1].stream_length
    if sc_model.arithmetic != "stochastic":
        ours[-1] = ours[-1].double() * finer
    for layer, a, b in zip(network.layers, ours, theirs, strict=True):
        np.testing.assert_array_equal(a.reshape(b.shape).numpy(), b, err_msg=layer.name)


def check_prefixes(sc_model: ScModel, images: np.ndarray) -> None:
    """Each shorter run is the network of the contract, made of the whole one."""
    config, whole = sc_model.config, sc_model.to_network("test")
    exact = sc_model.arithmetic != "stochastic"
    for length in config.prefixes:
        lost = ((config.length // length).bit_length() - 1) * exact
        bits = config.bits - lost
        network = with_precision(whole, bits) if exact else with_prefix(whole, length)
        with torch.no_grad(), sc_model.prefix(length):
            ours = sc_model.run(torch.from_numpy(images))
        pixels = to_unipolar(images, config.bits) >> lost
        theirs = golden.run(network, pixels, sc_model.arithmetic)
        if exact:
            ours[-1] = ours[-1].double() * (4**bits // network.layers[-1].stream_length)
        for layer, a, b in zip(network.layers, ours, theirs, strict=True):
            where = f"{layer.name}, {length} cycles"
            np.testing.assert_array_equal(a.reshape(b.shape).numpy(), b, err_msg=where)


def test_padding_values_of_shorter_runs() -> None:
    """Offsets and normalised images: what is around a map is rounded as the contract says."""
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.Hardtanh(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(64, 3)),
    )
    normalise_inputs(model, 0.3, 0.4, (1, 4, 4))
    images = np.random.default_rng(0).random((6, 1, 4, 4), np.float32)
    for arithmetic in ARITHMETICS:
        config = ScConfig(bits=4, lanes=4, lengths=(4, 8, 16))
        sc_model = convert(model, (1, 4, 4), images, config, arithmetic)
        assert any(layer.source.padding_value is not None for layer in sc_model.steps)
        check_prefixes(sc_model, images)


@pytest.mark.parametrize("normalise", [True, False])
def test_what_a_shortcut_adds_has_a_gain_in_the_shortest_run(normalise) -> None:
    torch.manual_seed(0)
    model = create_model("resnet20", Shape(3, 8, 8), 4)
    images = np.random.default_rng(0).random((8, 3, 8, 8), np.float32)
    config = ScConfig(bits=6, lanes=4, lengths=(2, 64), normalise=normalise)
    sc_model = convert(model, (3, 8, 8), images, config)
    assert min(layer.gain.item() for layer in sc_model.steps if layer.source.shortcut) >= 32
    check_prefixes(sc_model, images)


def with_lengths(config: ScConfig, count: int) -> ScConfig:
    lengths = tuple(config.length >> i for i in reversed(range(count)))
    return ScConfig.model_validate(config.model_dump() | {"lengths": lengths})


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_shorter_runs_equal_golden(make_case, seed, arithmetic) -> None:
    """Rounding of biases, the half that is dropped, gains, and numbers of fewer bits."""
    case = make_case(seed)
    count = min(3, case.config.length.bit_length() - 1)
    if count < 2:
        pytest.skip("streams of two cycles")
    config = with_lengths(case.config, count)
    sc_model = convert(case.model, case.in_shape, case.images, config, arithmetic)
    with torch.no_grad():
        for parameter in sc_model.parameters():
            parameter.mul_(1.3).add_(0.02)
    check_prefixes(sc_model, case.images)
    check_against_golden(sc_model, case.images)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_equals_golden(make_case, seed, arithmetic) -> None:
    case = make_case(seed)
    sc_model = convert(case.model, case.in_shape, case.images, case.config, arithmetic)
    check_against_golden(sc_model, case.images)


@pytest.mark.parametrize("seed", [0, 3, 5])
@pytest.mark.parametrize("word", [2, 4, 8])
def test_inputs_in_words(make_case, seed, word) -> None:
    case = make_case(seed)
    config = ScConfig.model_validate(case.config.model_dump() | {"word": word})
    sc_model = convert(case.model, case.in_shape, case.images, config)
    words = [layer.word for layer in sc_model.to_network("words").layers]
    assert all(found is not None and found.size == word for found in words)
    check_against_golden(sc_model, case.images)


def test_a_linear_layer_flattens_what_lies_behind_each_other() -> None:
    torch.manual_seed(0)
    images = np.random.default_rng(0).random((4, 2, 7, 8), np.float32)
    sc_model = convert(dense_model(), Shape(2, 7, 8), images, ScConfig(bits=4, word=4))
    flattened = sc_model.to_network("words").layers[-1].flattened
    assert flattened is not None and flattened.channels == 14
    check_against_golden(sc_model, images)


@pytest.mark.parametrize("options", [{"or_lanes": 2}, {"neuron": "stream"}])
def test_words_that_there_are_not(options) -> None:
    with pytest.raises(ValueError, match="word = 4 is for neurons in counter mode without OR"):
        ScConfig.model_validate({"bits": 4, "word": 4, **options})


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_equals_golden_after_weights_moved(make_case, arithmetic) -> None:
    case = make_case(1)
    sc_model = convert(case.model, case.in_shape, case.images, case.config, arithmetic)
    with torch.no_grad():
        for parameter in sc_model.parameters():
            parameter.mul_(1.7).add_(0.05)
    check_against_golden(sc_model, case.images)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_equals_golden_beyond_float32(make_case, monkeypatch, arithmetic) -> None:
    """The fallback of layers too large for exact float32 sums."""
    monkeypatch.setattr("bitrain.nn.sums.FLOAT32_EXACT", 1)
    case = make_case(2)
    sc_model = convert(case.model, case.in_shape, case.images, case.config, arithmetic)
    assert sc_model.run(torch.from_numpy(case.images))[-1].dtype == torch.float64
    check_against_golden(sc_model, case.images)


def test_equals_golden_with_few_rows_at_once(make_case, monkeypatch) -> None:
    monkeypatch.setattr("bitrain.nn.sums.BITS_AT_ONCE", 1)
    case = make_case(3)
    check_against_golden(convert(case.model, case.in_shape, case.images, case.config), case.images)


def test_layers_map_one_to_one(make_case) -> None:
    case = make_case(0)
    network = convert(case.model, case.in_shape, case.images, case.config).to_network("test")
    assert [layer.name for layer in network.layers] == ["0", "4.0", "7"]
    assert [layer.kind for layer in network.layers] == ["conv2d", "conv2d", "linear"]
    assert network.layers[1].pool is not None and network.layers[1].pool.stride == (1, 2)
    assert network.bits == case.config.bits and network.num_lanes == case.config.lanes
    assert {layer.stream_length for layer in network.layers} == {case.config.length}


def test_precise_model_approaches_the_float_model(trained, digits) -> None:
    """Scores are in the unit of the float model's, and with many bits nearly equal to them."""
    images = torch.from_numpy(digits.test_images[:64])
    config = ScConfig(bits=9)
    sc_model = convert(trained, digits.in_shape, digits.train_images, config, "binary")
    with torch.no_grad():
        wanted, found = trained(images), sc_model(images)
    assert (found - wanted).square().mean() < 1e-3 * wanted.square().mean()


def test_the_model_is_left_alone(trained, digits) -> None:
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    sc_model = convert(trained, digits.in_shape, digits.train_images, ScConfig(bits=3))
    with torch.no_grad():
        for parameter in sc_model.parameters():
            parameter.zero_()
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


def test_images_beyond_unipolar_are_refused(trained, digits) -> None:
    sc_model = convert(trained, digits.in_shape, digits.train_images, ScConfig(bits=3))
    with pytest.raises(BitrainError, match=r"expected \[0, 1\]; divide images"):
        sc_model(torch.from_numpy(digits.test_images[:2]) - 0.5)


def test_state_dict_holds_the_calibration(trained, digits) -> None:
    config = ScConfig(bits=4)
    saved = convert(trained, digits.in_shape, digits.train_images, config)
    other = ScModel([layer.source for layer in saved.steps], config)
    other.load_state_dict(saved.state_dict())
    images = torch.from_numpy(digits.test_images[:8])
    assert torch.equal(other(images), saved(images))


def test_all_zero_weights_are_refused() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    nn.init.zeros_(part(model, "3", nn.Linear).weight)
    with pytest.raises(BitrainError, match="3: all weights are zero; train the model first"):
        convert(model, Shape(1, 4, 4), np.ones((1, 1, 4, 4), np.float32), ScConfig())


def test_a_layer_that_never_fires_converts() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    bias = part(model, "0", nn.Conv2d).bias
    assert bias is not None
    nn.init.constant_(bias, -1000)
    images = np.ones((1, 1, 4, 4), np.float32)
    sc_model = convert(model, Shape(1, 4, 4), images, ScConfig())
    assert sc_model.run(torch.from_numpy(images))[0].count_nonzero() == 0
    check_against_golden(sc_model, images)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_residual_network_is_goldens(arithmetic) -> None:
    """Shortcuts with and without new channels, and the average in the last layer."""
    torch.manual_seed(0)
    block = [nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1)]
    model = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU()),
        Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))),
        Residual(nn.Sequential(*block), Subsample(4, 6, 2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)),
    )
    images = np.random.default_rng(0).random((6, 2, 7, 8), np.float32)
    config = ScConfig(bits=5, lanes=4, lengths=(4, 16, 32))
    sc_model = convert(model, Shape(2, 7, 8), images, config, arithmetic)
    check_prefixes(sc_model, images)
    shortcuts = [layer.shortcut for layer in sc_model.to_network("test").layers]
    assert [s is None for s in shortcuts] == [True, False, True, False, True]
    assert shortcuts[3] and shortcuts[3].source == 1 and shortcuts[3].before == 1
    check_against_golden(sc_model, images)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_network_of_groups_is_goldens(arithmetic) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(2, 6, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(6, 12, 3, padding=1, groups=6), nn.BatchNorm2d(12), nn.ReLU()),
        nn.MaxPool2d(2),
        Residual(nn.Sequential(nn.Conv2d(12, 12, 3, padding=1, groups=2))),
        *(nn.Flatten(), nn.Linear(144, 3)),
    ).eval()
    images = np.random.default_rng(0).random((6, 2, 7, 8), np.float32)
    config = ScConfig(bits=5, lanes=4)
    sc_model = convert(model, Shape(2, 7, 8), images, config, arithmetic)
    assert [layer.groups for layer in sc_model.to_network("test").layers] == [1, 6, 2, 1]
    check_against_golden(sc_model, images)


def dense_model() -> nn.Sequential:
    """Concatenations from the image on, read by convolutions, a pool, a shortcut and the scores."""
    narrow = nn.Conv2d(5, 4, 1), nn.ReLU()
    return nn.Sequential(
        Concatenate(nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU())),
        Concatenate(nn.Sequential(*narrow, nn.Conv2d(4, 3, 3, padding=1), nn.ReLU())),
        Residual(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1))),
        Concatenate(nn.Sequential(nn.Conv2d(8, 2, 3, padding=1), nn.ReLU())),
        nn.AvgPool2d(2),
        Concatenate(nn.Sequential(nn.Conv2d(10, 2, 1), nn.ReLU())),
        *(nn.MaxPool2d(2, 1), Concatenate(nn.Sequential(nn.Conv2d(12, 2, 1), nn.ReLU()))),
        *(nn.Flatten(), nn.Linear(14 * 6, 3)),
    ).eval()


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_dense_network_is_goldens(arithmetic, normalise) -> None:
    torch.manual_seed(0)
    images = np.random.default_rng(0).random((6, 2, 7, 8), np.float32)
    config = ScConfig(bits=5, lanes=4, normalise=normalise, lengths=(8, 16, 32))
    sc_model = convert(dense_model(), Shape(2, 7, 8), images, config, arithmetic)
    check_prefixes(sc_model, images)
    appends = [layer.concat_after for layer in sc_model.to_network("test").layers]
    assert appends == [-1, None, 0, None, None, 4, None, 6, None, 8, None]
    check_against_golden(sc_model, images)
    with torch.no_grad():
        for parameter in sc_model.parameters():
            parameter.mul_(1.3).add_(0.03)
    check_against_golden(sc_model, images)


def test_precise_dense_network_approaches_the_float_network() -> None:
    """Ratios of scales are in the weights: nothing is lost but precision."""
    torch.manual_seed(0)
    images = np.random.default_rng(0).random((64, 2, 7, 8), np.float32)
    model = dense_model()
    sc_model = convert(model, Shape(2, 7, 8), images, ScConfig(bits=9), "binary")
    with torch.no_grad():
        wanted, found = model(torch.from_numpy(images)), sc_model(torch.from_numpy(images))
        floats = sc_model.float_scores(torch.from_numpy(images))
    torch.testing.assert_close(floats, wanted, rtol=1e-4, atol=1e-5)
    centred = wanted - wanted.mean(0)
    assert (found - wanted).square().mean() < 0.01 * centred.square().mean()


def test_average_pooling_is_exact_at_full_period() -> None:
    """2 x 2 pixels: the sum of four streams, shifted by two bits with rounding."""
    model = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(1, 2, 2), nn.Flatten())
    images = np.random.default_rng(0).random((8, 1, 4, 4), np.float32)
    images[0] = 1
    config = ScConfig(bits=5, lanes=3, normalise=False)
    sc_model = convert(model, Shape(1, 4, 4), images, config)
    pool = sc_model.to_network("test").layers[0]
    assert (pool.weight == 32).all() and pool.shift == 2
    pixels = to_unipolar(images, 5)
    blocks = pixels.reshape(8, 1, 2, 2, 2, 2).sum((3, 5))
    means = golden.run(sc_model.to_network("test"), pixels)[0]
    np.testing.assert_array_equal(means, (blocks + 2) // 4)
    assert not sc_model.steps[0].weight.requires_grad


def test_layers_with_streams_of_their_own_length(trained, digits) -> None:
    config = ScConfig(bits=5, layer_lengths={"1.0": 8})
    sc_model = convert(trained, digits.in_shape, digits.train_images, config)
    lengths = [layer.stream_length for layer in sc_model.to_network("test").layers]
    assert lengths == [32, 8, 32]
    check_against_golden(sc_model, digits.test_images[:10])
    with pytest.raises(BitrainError, match=r"no layer is named 'conv'; there are 0\.0, 1\.0, 2\.1"):
        config = ScConfig(bits=5, layer_lengths={"conv": 8})
        convert(trained, digits.in_shape, digits.train_images, config)


@pytest.mark.parametrize("seed", [0, 4, 7, 12])
def test_stream_mode_equals_golden(make_case, seed) -> None:
    case = make_case(seed)
    names = [step.source.name for step in converted(case, case.config).steps]
    shortcuts = [
        step.source.name for step in converted(case, case.config).steps if step.source.shortcut
    ]
    modes = dict.fromkeys(shortcuts, "counter")
    config = case.config.model_copy(update={"neuron": "stream", "layer_neurons": modes})
    sc_model = converted(case, config)
    found = {layer.name for layer in sc_model.to_network("test").layers if layer.neuron == "stream"}
    assert found == set(names[:-1]) - set(shortcuts)
    check_against_golden(sc_model, case.images)
    binary = convert(case.model, case.in_shape, case.images, config, "binary")
    assert all(layer.neuron == "counter" for layer in binary.to_network("test").layers)


def converted(case, config: ScConfig) -> ScModel:
    return convert(case.model, case.in_shape, case.images, config)


def test_gradients_of_stream_mode(trained, digits) -> None:
    """They reach every layer, and point where those of counter mode do."""
    modes = {}
    for neuron in "counter", "stream":
        config = ScConfig(bits=6, neuron=neuron)
        sc_model = convert(trained, digits.in_shape, digits.train_images, config).train()
        scores = sc_model(torch.from_numpy(digits.train_images[:32]))
        scores.logsumexp(1).sum().backward()
        gradients = [step.weight.grad for step in sc_model.steps]
        modes[neuron] = [found.flatten() for found in gradients if found is not None]
        assert len(modes[neuron]) == len(sc_model.steps)
    for ours, theirs in zip(modes["stream"], modes["counter"], strict=True):
        assert torch.nn.functional.cosine_similarity(ours, theirs, dim=0) > 0.5


def test_windows_that_fired_early_are_trained(trained, digits) -> None:
    """Sums that end below zero have no gradient in counter mode, but one where they fired."""
    gradients = {}
    for neuron in "counter", "stream":
        config = ScConfig(bits=5, neuron=neuron)
        sc_model = convert(trained, digits.in_shape, digits.train_images, config)
        layer, pool = sc_model.steps[0], sc_model.steps[0].source.pool
        assert pool is not None
        inputs = sc_model.quantise(torch.from_numpy(digits.train_images[:32]))
        sums = layer.accumulate(inputs)
        stored = layer.fire(inputs, sums) if neuron == "stream" else layer.finish(sums)
        largest = nn.functional.max_pool2d(sums.detach() + layer.rounding, pool.kernel, pool.stride)
        below = largest < 0
        early = int((below & (stored > 0)).sum())
        gradients[neuron] = early, torch.autograd.grad(stored[below].sum(), sums)[0]
    early, gradient = gradients["stream"]
    assert early == int((gradient != 0).sum()) > 0
    assert gradients["counter"][0] == 0 and not gradients["counter"][1].any()


def test_stream_mode_is_refused_where_there_is_none(trained, digits) -> None:
    def refused(model: nn.Module, **options) -> str:
        with pytest.raises(BitrainError) as error:
            config = ScConfig(bits=5, **options)
            convert(model, digits.in_shape, digits.train_images, config)
        return str(error.value)

    assert "layer_neurons: no layer is named 'conv'" in refused(
        trained, layer_neurons={"conv": "stream"}
    )
    assert "'2.1' gives the scores and stays in counter mode" in refused(
        trained, layer_neurons={"2.1": "stream"}
    )
    body = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))
    residual = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), Residual(body), nn.Flatten(), nn.Linear(108, 10)
    )
    message = refused(residual, neuron="stream")
    assert message.startswith("2.body.0: a shortcut is added there")
    assert message.endswith("set layer_neurons: {2.body.0: counter}")


MLP_SHAPE = Shape(3, 4, 5)


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(60, 8), nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_a_network_that_flattens_first(arithmetic) -> None:
    images = np.random.default_rng(0).random((9, *MLP_SHAPE), np.float32)
    sc_model = convert(mlp(), MLP_SHAPE, images, ScConfig(bits=4), arithmetic)
    check_against_golden(sc_model, images)
    network = sc_model.to_network("mlp")
    assert network.in_shape == MLP_SHAPE and network.layers[0].in_shape == Shape(60, 1, 1)
    assert sc_model(torch.from_numpy(images)).shape == (9, 3)


@pytest.mark.parametrize("shape", [(9, 4, 5, 3), (9, 60, 1, 1), (9, 3, 5, 4), (9, 3, 4, 4)])
def test_images_that_are_flattened_must_be_those_of_the_network(shape) -> None:
    """Though they may have as many values."""
    images = np.random.default_rng(0).random((9, *MLP_SHAPE), np.float32)
    sc_model = convert(mlp(), MLP_SHAPE, images, ScConfig(bits=4))
    other = np.resize(images, shape)
    message = r"^images of shape .*, expected \(images, 3, 4, 5\) for channels"
    for run in sc_model, sc_model.run, sc_model.float_scores:
        with pytest.raises(BitrainError, match=message):
            run(torch.from_numpy(other))
    with pytest.raises(BitrainError, match=message):
        golden.predict(sc_model.to_network("mlp"), to_unipolar(other, 4))


@pytest.mark.parametrize(
    ("shape", "mend"),
    [
        ((8, 9, 8, 2), r"transpose\(0, 3, 1, 2\) brings them there"),
        ((8, 2, 12, 12), "give images of that shape"),
        ((8, 1, 9, 8), "give images of that shape"),
        ((2, 9, 8), "give images of that shape"),
    ],
)
def test_images_must_fit(make_case, shape, mend) -> None:
    case = make_case(0)
    images = np.zeros(shape, np.float32)
    message = rf"^images of shape .*, expected \(images, 2, 9, 8\) for channels, .*; {mend}$"
    with pytest.raises(BitrainError, match=message):
        convert(case.model, case.in_shape, images, case.config)
    sc_model = convert(case.model, case.in_shape, case.images, case.config)
    for run in sc_model, sc_model.run, sc_model.float_scores:
        with pytest.raises(BitrainError, match=message):
            run(torch.from_numpy(images))
    with pytest.raises(BitrainError, match=message):
        golden.predict(sc_model.to_network("test"), to_unipolar(images, case.config.bits))


def test_images_of_other_kinds(make_case) -> None:
    """Tensors, other types of numbers and views are what they hold."""
    case = make_case(0)
    wanted = convert(case.model, case.in_shape, case.images, case.config).to_network("test")
    for images in (
        torch.from_numpy(case.images),
        torch.from_numpy(case.images).requires_grad_(),
        case.images.astype(np.float64),
        case.images[:, :, ::-1].copy()[:, :, ::-1],
    ):
        found = convert(case.model, case.in_shape, images, case.config).to_network("test")
        assert all(
            np.array_equal(a.weight, b.weight)
            for a, b in zip(wanted.layers, found.layers, strict=True)
        )
    with pytest.raises(BitrainError, match=r"^no images to calibrate with"):
        convert(case.model, case.in_shape, case.images[:0], case.config)


def test_images_that_are_no_numbers(make_case) -> None:
    case = make_case(0)
    images = case.images.copy()
    images[0, 0, 0, 0] = np.nan
    with pytest.raises(BitrainError, match=r"^inputs span nan"):
        convert(case.model, case.in_shape, images, case.config)
