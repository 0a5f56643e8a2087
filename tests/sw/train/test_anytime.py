"""One set of weights for several lengths of the streams."""

from dataclasses import replace

import pytest
import torch

from bitrain.nn import ScConfig, ScModel, convert
from bitrain.spec import BitrainError, with_precision, with_prefix
from bitrain.train.anytime import Prefixes, weights_of
from bitrain.train.config import FineTuneConfig
from bitrain.train.evaluate import evaluate_network
from bitrain.train.finetune import finetune_sc

LENGTHS = (2, 4, 16)


@pytest.fixture(scope="module")
def few(digits):
    images, labels = digits.train_images[:600], digits.train_labels[:600]
    return replace(digits, train_images=images, train_labels=labels)


@pytest.fixture(scope="module")
def sc_model(trained, digits) -> ScModel:
    config = ScConfig(bits=4, lengths=LENGTHS)
    return convert(trained, digits.in_shape, digits.train_images, config)


def test_outputs_by_length_the_longest_first(sc_model, digits) -> None:
    images = torch.from_numpy(digits.test_images[:6])
    runs = Prefixes(sc_model, sc_model.forward, sc_model).eval()
    with torch.no_grad():
        found = runs(images)
    assert list(found) == [16, 4, 2]
    assert torch.equal(found[16], sc_model(images))
    assert sc_model.steps[0].lost == 0


def test_drawn_lengths(sc_model, digits) -> None:
    """Each batch has the longest, and every shorter one comes at some time."""
    images = torch.from_numpy(digits.test_images[:2])
    runs = Prefixes(sc_model, sc_model.forward, sc_model, sampled=1).train()
    torch.manual_seed(0)
    drawn = [tuple(runs(images)) for _ in range(12)]
    assert set(drawn) == {(16, 2), (16, 4)}
    assert list(runs.eval()(images)) == [16, 4, 2]


def test_weights_are_one_on_average() -> None:
    weights = weights_of(LENGTHS, FineTuneConfig(prefix_weights=(1, 2, 3)))
    assert weights == {2: 0.5, 4: 1.0, 16: 1.5}
    with pytest.raises(BitrainError, match="prefix_weights has 2 numbers"):
        weights_of(LENGTHS, FineTuneConfig(prefix_weights=(1, 2)))


@pytest.mark.parametrize("arithmetic", ["stochastic", "bitserial"])
def test_trained_together(trained, few, arithmetic) -> None:
    """Short runs become good, by the golden model, and the longest stays so."""
    recipe = FineTuneConfig(epochs=3, distillation=0.5, prefix_distillation=0.3)

    def accuracies(recipe: FineTuneConfig) -> list[float]:
        config = ScConfig(bits=4, lengths=LENGTHS)
        model = finetune_sc(trained, few, config, recipe, arithmetic=arithmetic)
        network = model.to_network("anytime")
        shorter = [
            with_precision(network, length.bit_length() - 1)
            if arithmetic == "bitserial"
            else with_prefix(network, length)
            for length in model.prefixes
        ]
        return [evaluate_network(each, few, arithmetic) for each in shorter]

    found = accuracies(recipe)
    alone = accuracies(recipe.model_copy(update={"prefix_weights": (1e-6, 1e-6, 1)}))
    assert len(found) == (3 if arithmetic == "stochastic" else 2)  # of two bits or more
    assert found[0] > alone[0]
    # Full scale is 3/4 of two bits, but 15/16 of four: integers give way more to each other.
    assert found[-1] > alone[-1] - (0.02 if arithmetic == "stochastic" else 0.05)


def test_noise_of_each_length(sc_model, digits) -> None:
    model = sc_model
    model.calibrate_noise(torch.from_numpy(digits.train_images[:8]))
    assert all(set(layer.noise) == {0, 2, 3} for layer in model.steps)
    model.use_exact()


def test_options_that_do_not_suit() -> None:
    for options, message in (
        ({"lengths": (4, 4)}, "expected two or more that rise"),
        ({"lengths": (4,)}, "expected two or more that rise"),
        ({"lengths": (4, 12)}, "lengths: stream length 12: expected a power of two"),
        ({"lengths": (4, 8), "stream_length": 16}, "leave stream_length out"),
        ({"lengths": (4, 8), "neuron": "stream"}, "does not scale with its streams"),
    ):
        with pytest.raises(ValueError, match=message):
            ScConfig.model_validate({"bits": 4, **options})
    assert ScConfig(bits=5, lengths=(4, 8)).length == 8
