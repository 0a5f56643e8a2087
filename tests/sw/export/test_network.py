"""Export: what comes out equals the model, or nothing comes out."""

import numpy as np
import pytest
import torch

from bitrain import golden
from bitrain.export import export_network
from bitrain.nn import ScConfig, ScLayer, convert
from bitrain.spec import BitrainError, load_network, save_network, to_unipolar


@pytest.fixture
def sc_model(trained, digits):
    return convert(trained, digits.in_shape, digits.train_images, ScConfig(bits=4))


def test_export(sc_model, digits, tmp_path) -> None:
    images = digits.test_images[:20]
    network = export_network(sc_model, "digits", images, {"accuracy": 0.99})
    assert (network.name, network.metadata) == ("digits", {"accuracy": 0.99})
    save_network(network, tmp_path / "digits.npz")
    loaded = load_network(tmp_path / "digits.npz")
    scores = golden.predict(loaded, to_unipolar(images, 4))
    with torch.no_grad():
        wanted = sc_model.run(torch.from_numpy(images))[-1]
    np.testing.assert_array_equal(scores, wanted.flatten(1))


@pytest.mark.parametrize("seed", range(20, 25))
def test_random_models_export(make_case, seed) -> None:
    case = make_case(seed)
    sc_model = convert(case.model, case.in_shape, case.images, case.config)
    assert export_network(sc_model, "random", case.images).in_shape == case.in_shape


def test_or_groups(trained, digits) -> None:
    """Converted and exported; refused where noise would stand in for saturation."""
    config = ScConfig(bits=4, or_lanes=4)
    sc_model = convert(trained, digits.in_shape, digits.train_images, config)
    network = export_network(sc_model, "digits", digits.test_images[:20])
    assert network.or_lanes == 4
    with pytest.raises(BitrainError, match="or_lanes = 4: noise on real sums does not model how"):
        sc_model.calibrate_noise(torch.from_numpy(digits.train_images[:20]))


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_weight_changed_after_quantisation_is_refused(
    sc_model, digits, monkeypatch, index
) -> None:
    victim, to_layer = sc_model.steps[index], ScLayer.to_layer

    def spoilt(layer):
        result = to_layer(layer)
        if layer is not victim:
            return result
        weight = result.weight.copy()
        weight[1] = -weight[1]
        return result.model_copy(update={"weight": weight})

    monkeypatch.setattr(ScLayer, "to_layer", spoilt)
    with pytest.raises(BitrainError) as error:
        export_network(sc_model, "digits", digits.test_images[:4])
    message = str(error.value)
    assert message.startswith(f"network 'digits', layer '{victim.source.name}': torch gives ")
    assert "at (image, channel, row, column) = (0, 1, " in message
    assert message.endswith("nothing was exported, please report this as a bug")


def test_the_first_difference_is_named(sc_model, digits, monkeypatch) -> None:
    images = digits.test_images[:4]
    real = golden.run

    def spoilt(*arguments):
        outputs = real(*arguments)
        outputs[1][2, 3, 1, 0] += 1
        outputs[1][3, 0, 0, 0] += 1
        return outputs

    layer = real(sc_model.to_network("digits"), to_unipolar(images, 4))[1]
    monkeypatch.setattr(golden, "run", spoilt)
    with pytest.raises(BitrainError) as error:
        export_network(sc_model, "digits", images)
    value = layer[2, 3, 1, 0]
    assert str(error.value) == (
        f"network 'digits', layer '1.0': torch gives {value} but golden {value + 1} at (image, "
        "channel, row, column) = (2, 3, 1, 0), 2 differences in all; nothing was exported, please "
        "report this as a bug"
    )


@pytest.mark.parametrize("arithmetic", ["binary", "bitserial"])
def test_integers(trained, digits, arithmetic) -> None:
    """Scores are those of golden, in its finer unit."""
    model = convert(trained, digits.in_shape, digits.train_images, ScConfig(), arithmetic)
    images = digits.test_images[:4]
    network = export_network(model, "digits", images)
    scores = golden.predict(network, to_unipolar(images, network.bits), arithmetic)
    with torch.no_grad():
        wanted = model.run(torch.from_numpy(images))[-1].flatten(1)
    finer = 4**network.bits // network.layers[-1].stream_length
    np.testing.assert_array_equal(scores, wanted.double() * finer)


def test_no_images(sc_model, digits) -> None:
    with pytest.raises(BitrainError, match="no images to check the export with; give some"):
        export_network(sc_model, "digits", digits.test_images[:0])


def test_accumulators_beyond_the_contract(sc_model, digits) -> None:
    layer = sc_model.steps[0]
    with torch.no_grad():
        layer.bias[layer.upscale.argmin()] = 1.5 * (1 << 30) * layer.product_scale
    with pytest.raises(BitrainError, match="'digits' breaks the contract: accumulator range"):
        export_network(sc_model, "digits", digits.test_images[:4])
