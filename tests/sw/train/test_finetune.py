"""Fine-tuning, on the golden model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bitrain.export import export_network
from bitrain.nn import ScConfig, ScModel, convert
from bitrain.spec import BitrainError
from bitrain.train.config import FINE_TUNE
from bitrain.train.evaluate import evaluate, evaluate_network
from bitrain.train.finetune import finetune_converted, finetune_sc

FEW = FINE_TUNE.model_copy(update={"epochs": 3})


@pytest.mark.parametrize("arithmetic", ["stochastic", "binary"])
def test_fine_tuning_helps(trained, digits, arithmetic) -> None:
    config = ScConfig(bits=2)
    start = convert(trained, digits.in_shape, digits.train_images, config, arithmetic)
    before = evaluate_network(start.to_network("before"), digits, arithmetic)
    tuned = finetune_sc(trained, digits, config, FEW, arithmetic=arithmetic)
    after = evaluate_network(tuned.to_network("after"), digits, arithmetic)
    assert after > before and after > 0.93
    for layer, tuned_layer in zip(start.steps, tuned.steps, strict=True):
        assert layer.clip == tuned_layer.clip and layer.shift == tuned_layer.shift
        assert not torch.equal(layer.weight, tuned_layer.weight)


def test_fine_tuning_helps_neurons_that_fire(trained, digits) -> None:
    """Training wins back what early fires lose, and what is exported computes it."""
    config = ScConfig(bits=3, neuron="stream")
    start = convert(trained, digits.in_shape, digits.train_images, config)
    before = evaluate_network(start.to_network("before"), digits)
    tuned = finetune_sc(trained, digits, config, FEW)
    network = export_network(tuned, "digits", digits.test_images[:32])
    assert [layer.neuron for layer in network.layers] == ["stream", "stream", "counter"]
    after = evaluate_network(network, digits)
    assert after > before and after > 0.95


def test_epochs_with_noise_come_first(trained, digits, monkeypatch) -> None:
    """And are as noisy as the streams, so that training with them helps the exact network."""
    config, seen = ScConfig(bits=2), []
    tuned = convert(trained, digits.in_shape, digits.train_images, config)
    before = evaluate_network(tuned.to_network("before"), digits)
    real = ScModel.forward

    def forward(self, images):
        seen.append(bool(self.steps[0].noise))
        return real(self, images)

    monkeypatch.setattr(ScModel, "forward", forward)
    finetune_converted(tuned, digits, FEW.model_copy(update={"noise_epochs": 2}))
    batches = len(seen) // 3
    assert seen == [True] * 2 * batches + [False] * batches
    monkeypatch.undo()
    only_noise = convert(trained, digits.in_shape, digits.train_images, config)
    finetune_converted(only_noise, digits, FEW.model_copy(update={"noise_epochs": 3}))
    for model in (tuned, only_noise):
        assert evaluate_network(model.to_network("after"), digits) > before


def test_noise_has_the_moments_of_the_errors(trained, digits) -> None:
    images = torch.from_numpy(digits.train_images[:300])
    sc_model = convert(trained, digits.in_shape, digits.train_images, ScConfig(bits=3))
    sc_model.calibrate_noise(images)
    layer, activations = sc_model.steps[0], sc_model.quantise(images)
    with torch.no_grad():
        error = layer.accumulate(activations) - layer.accumulate(activations, real=True)
    assert error.std() > 0.1
    (noise,) = layer.noise.values()
    torch.testing.assert_close(noise.mean.flatten(), error.mean((0, 2, 3)))
    torch.testing.assert_close(noise.deviation.flatten(), error.std((0, 2, 3)))
    sc_model.use_exact()
    assert not any(layer.noise for layer in sc_model.steps)


def test_distillation_asks_for_the_float_scores(trained, digits) -> None:
    """With nothing but distillation, labels do not matter and scores come close to the float's."""
    images = torch.from_numpy(digits.test_images)
    spoilt = replace(digits, train_labels=np.roll(digits.train_labels, 1))
    sc_model = convert(trained, digits.in_shape, digits.train_images, ScConfig(bits=2))

    def divergence() -> float:
        with torch.no_grad():
            theirs, ours = (F.log_softmax(m(images), 1) for m in (trained.eval(), sc_model.eval()))
        return F.kl_div(ours, theirs, reduction="batchmean", log_target=True).item()

    with torch.no_grad():
        torch.testing.assert_close(sc_model.float_scores(images), trained.eval()(images))
    before = divergence()
    finetune_converted(sc_model, spoilt, FEW.model_copy(update={"distillation": 1.0}))
    assert divergence() < before / 2
    assert evaluate(sc_model, digits) > 0.93


def test_golden_and_torch_agree_on_accuracy(trained, digits) -> None:
    sc_model = convert(trained, digits.in_shape, digits.train_images, ScConfig(bits=4))
    assert evaluate(sc_model, digits) == evaluate_network(sc_model.to_network("test"), digits)


def test_digits_smoke_at_length_32(trained, digits) -> None:
    tuned = finetune_sc(trained, digits, ScConfig(), FEW)
    accuracy = evaluate_network(tuned.to_network("test"), digits)
    assert accuracy > evaluate(trained, digits) - 0.01


@pytest.mark.parametrize("classes", [2, 9, 11])
def test_as_many_scores_as_classes(trained, digits, classes) -> None:
    kept = digits.test_labels < classes
    names = tuple(map(str, range(classes)))
    other = replace(
        digits,
        name="others",
        classes=names,
        train_labels=digits.train_labels % min(classes, 10),
        test_images=digits.test_images[kept],
        test_labels=digits.test_labels[kept],
    )
    network = convert(trained, digits.in_shape, digits.train_images, ScConfig()).to_network("ten")
    message = rf"gives 10 scores, data set 'others' has {classes} classes; give the data that"
    with pytest.raises(BitrainError, match=f"^network 'ten' {message}"):
        evaluate_network(network, other)
    with pytest.raises(BitrainError, match=f"^the model {message}"):
        evaluate(trained, other)
    with pytest.raises(BitrainError, match=f"^the model {message}"):
        finetune_sc(trained, other, ScConfig(), FEW)
