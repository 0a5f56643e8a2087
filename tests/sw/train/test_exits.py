"""Exits of a trained network, on images that it has not learnt."""

from dataclasses import replace

import pytest

from bitrain import golden
from bitrain.nn import ScConfig, convert
from bitrain.spec import Network, to_unipolar
from bitrain.train.exits import Anytime, runs_of

LENGTHS = (4, 8, 16)


@pytest.fixture(scope="module")
def network(trained, digits) -> Network:
    config = ScConfig(bits=4, lengths=LENGTHS)
    sc_model = convert(trained, digits.in_shape, digits.train_images, config)
    return sc_model.to_network("anytime")


@pytest.fixture(scope="module")
def few(digits):
    """Sixty test images."""
    return replace(digits, test_images=digits.test_images[:60], test_labels=digits.test_labels[:60])


@pytest.fixture(scope="module")
def held_out(digits):
    return digits.split_validation(150)


def test_the_measure_is_that_of_the_ladder(network, few, held_out) -> None:
    """What golden's ladder decides with the exits that go into the network file."""
    anytime = Anytime(network, LENGTHS, held_out, "stochastic")
    found, chosen = anytime.measure(few, 1.0, 2), anytime.with_exits(1.0, 2)
    assert chosen.exits
    runs = runs_of(network, LENGTHS, "stochastic")
    images, margin = to_unipolar(few.test_images, network.bits), golden.margins
    right = used = 0
    for image, label in zip(images, few.test_labels, strict=True):
        for exit_point in (*chosen.exits, None):
            run = runs[-1 if exit_point is None else LENGTHS.index(exit_point.length)]
            scores = golden.predict(run, image[None])
            used += max(layer.stream_length for layer in run.layers)
            if exit_point is None or margin(scores)[0] >= exit_point.margin:
                right += scores.argmax() == label
                break
    assert found["exit_accuracy"] == pytest.approx(100 * right / len(images))
    assert found["mean_cycles"] == pytest.approx(used / len(images))
    assert sum(found["shares"]) == pytest.approx(100)
    classes = found["by_class"].values()
    assert min(each["mean_cycles"] for each in classes) <= found["mean_cycles"]
    cycles = [each["mean_cycles"] for each in found["by_tolerance"].values()]
    assert cycles[0] >= cycles[-1]
    assert set(found["by_confidence"]) == {
        "margin of the best two",
        "best score",
        "lead over the mean",
    }


def test_integers_take_bits_squared(trained, few, held_out, digits) -> None:
    config = ScConfig(bits=4, lengths=LENGTHS)
    model = convert(trained, digits.in_shape, digits.train_images, config, "bitserial")
    anytime = Anytime(model.to_network("rival"), LENGTHS, held_out, "bitserial")
    assert [run.bits for run in anytime.runs] == [2, 3, 4]
    assert anytime.cycles == [4, 9, 16]
    assert 4 <= anytime.measure(few, 1.0, 1)["mean_cycles"] <= 20
