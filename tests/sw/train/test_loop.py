"""The training loop: determinism, interrupts, resumption, messages."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from epochs import interrupted_epoch
from modules import named_model
from torch import nn

from bitrain.data import Dataset
from bitrain.models import create_model
from bitrain.nn import ScConfig, convert
from bitrain.spec import BitrainError, Shape
from bitrain.train.config import TrainConfig
from bitrain.train.evaluate import evaluate
from bitrain.train.loop import _settled, classification, fit

CONFIG = TrainConfig(epochs=3, batch_size=50, max_shift=1)


@pytest.fixture(scope="module")
def small(digits) -> Dataset:
    """200 training images: an epoch takes no time."""
    return replace(
        digits,
        train_images=digits.train_images[:200],
        train_labels=digits.train_labels[:200],
    )


def new_model(dropout: float = 0.2) -> nn.Sequential:
    model = named_model("digits_cnn", Shape(1, 8, 8), 10)
    *blocks, last = model
    return nn.Sequential(*blocks, nn.Dropout(dropout), last)


def same(first: nn.Module, second: nn.Module) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


class Interrupter:
    """Stands in for the augmentation and presses Ctrl-C at the given call."""

    def __init__(self, call: int):
        self.calls_left = call

    def __call__(self, images, max_shift):
        self.calls_left -= 1
        if self.calls_left < 0:
            raise KeyboardInterrupt
        return images


def test_same_seed_same_result(small) -> None:
    models = [new_model() for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        torch.manual_seed(torch.seed() % 100)  # the global generator must not matter
        fit(model, small, CONFIG.model_copy(update={"seed": seed}))
    assert same(models[0], models[1])
    assert not same(models[0], models[2])


def test_global_generator_is_left_alone(small) -> None:
    before = torch.get_rng_state()
    fit(new_model(), small, CONFIG)
    assert torch.equal(before, torch.get_rng_state())


def test_loss_falls_and_model_is_left_in_evaluation_mode(small) -> None:
    model = new_model()
    losses = fit(model, small, TrainConfig(epochs=8, max_shift=0))
    assert len(losses) == 8 and losses[-1] < losses[0] / 2
    assert not any(module.training for module in model.modules())


@pytest.mark.parametrize("batches", [0, 1, 4, 5, 11])
def test_interrupted_run_resumes_to_the_same_result(small, tmp_path, monkeypatch, batches) -> None:
    """Interrupted in the first, second or third epoch of four batches each."""
    path = tmp_path / "run" / "checkpoint.pt"
    config = CONFIG.model_copy(update={"max_shift": 0})
    straight = new_model()
    wanted = fit(straight, small, config)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("bitrain.train.loop.random_shift", Interrupter(batches))
        fit(new_model(), small, config, checkpoint=path)
    assert len(torch.load(path, weights_only=True)["losses"]) == batches // 4
    resumed = new_model()
    assert fit(resumed, small, config, checkpoint=path) == wanted
    assert same(resumed, straight)
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_fine_tuning_resumes_to_the_same_result(small, trained, tmp_path) -> None:
    path = tmp_path / "checkpoint.pt"

    def start():
        return convert(trained, small.in_shape, small.train_images, ScConfig(bits=3))

    straight = start()
    fit(straight, small, CONFIG)
    with interrupted_epoch(1):
        fit(start(), small, CONFIG, checkpoint=path)
    resumed = start()
    fit(resumed, small, CONFIG, checkpoint=path)
    assert same(resumed, straight)


def test_finished_run_is_only_loaded(small, tmp_path, monkeypatch) -> None:
    path = tmp_path / "checkpoint.pt"
    model, again = new_model(), new_model()
    losses = fit(model, small, CONFIG, checkpoint=path)
    monkeypatch.setattr("bitrain.train.loop.random_shift", Interrupter(0))
    assert fit(again, small, CONFIG, checkpoint=path) == losses
    assert same(model, again)


def test_divergence_is_told(small) -> None:
    model = new_model()
    *_, linear = (part for part in model.modules() if isinstance(part, nn.Linear))
    nn.init.constant_(linear.weight, float("inf"))
    with pytest.raises(BitrainError, match=r"training diverged in epoch 1 .* lower learning_rate"):
        fit(model, small, CONFIG)


def test_a_last_batch_of_one_image(small) -> None:
    """Which batch norm of maps of 1 x 1 has no variance of."""
    layers = [nn.Conv2d(1, 4, 8), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 10)]
    config = CONFIG.model_copy(update={"batch_size": 199})
    with pytest.raises(BitrainError, match=r"a batch of one image: .*; choose another batch_size"):
        fit(nn.Sequential(*layers), small, config)


def test_progress_is_shown_on_request(small, capsys) -> None:
    fit(new_model(), small, CONFIG, title="warm-up")
    assert capsys.readouterr() == ("", "")
    fit(new_model(), small, CONFIG, title="warm-up", progress=True)
    out, error = capsys.readouterr()
    assert out == "" and "warm-up" in error and "3/3" in error and "loss" in error


def test_learning_rate_falls_along_a_cosine(small, monkeypatch) -> None:
    rates = []
    step = torch.optim.AdamW.step

    def record(optimizer, *arguments):
        rates.append(optimizer.param_groups[0]["lr"])
        return step(optimizer, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", record)
    fit(new_model(), small, CONFIG)
    wanted = CONFIG.learning_rate * (1 + np.cos(np.pi * np.arange(12) / 12)) / 2
    np.testing.assert_allclose(rates, wanted)


def test_digits_smoke(trained, digits) -> None:
    """Six epochs: all but a few digits are told apart."""
    assert evaluate(trained, digits) > 0.97


def test_other_optimizer_warm_up_and_flips(small) -> None:
    config = TrainConfig(
        optimizer="sgd", epochs=8, batch_size=50, learning_rate=0.05, warmup=0.2, max_shift=0
    )
    losses = fit(new_model(0.0), small, config)
    assert losses[-1] < losses[0] / 2
    flipped = fit(new_model(0.0), small, config.model_copy(update={"flip": True}))
    assert flipped[0] != losses[0]


def test_part_of_the_images(digits) -> None:
    """Evenly spaced, so that a data set sorted by class keeps all of them."""
    labels: list[int] = []

    def loss(scores, images, targets):
        labels.extend(targets.tolist())
        return classification(CONFIG, digits)(scores, images, targets)

    fit(new_model(), digits, CONFIG.model_copy(update={"images": 100, "epochs": 1}), loss=loss)
    assert sorted(labels) == sorted(digits.train_labels[::14][:100].tolist())


def settling():
    """A loss that falls for three epochs of four batches, and then hardly."""
    batches = []

    def loss(scores, images, labels):
        batches.append(len(labels))
        epoch = (len(batches) - 1) // 4
        wanted = (4.0, 2.0, 1.0)[epoch] if epoch < 3 else 1.0 - 0.002 * epoch
        return scores.sum() * 0 + wanted

    return loss


def test_patience_ends_the_training_early(small) -> None:
    config = CONFIG.model_copy(update={"epochs": 12, "patience": 2})
    losses = fit(new_model(), small, config, loss=settling())
    assert losses == pytest.approx([4, 2, 1, 0.994, 0.992])
    impatient = config.model_copy(update={"patience": None})
    assert len(fit(new_model(), small, impatient, loss=settling())) == 12


def test_what_settled_resumes_to_the_same(small, tmp_path) -> None:
    """Losses that fall for two epochs and then no more, as with a learning rate of nothing."""
    path = tmp_path / "checkpoint.pt"
    config = CONFIG.model_copy(update={"epochs": 9, "patience": 1, "learning_rate": 1e-9})
    straight = new_model()
    wanted = fit(straight, small, config)
    assert 2 <= len(wanted) < 9
    with interrupted_epoch(1):
        fit(new_model(), small, config, checkpoint=path)
    for _ in range(2):  # the second only loads
        resumed = new_model()
        assert fit(resumed, small, config, checkpoint=path) == wanted
        assert same(resumed, straight)


@pytest.mark.parametrize(
    ("losses", "patience", "settled"),
    [
        ([], 1, False),
        ([1.0], 1, False),
        ([1.0, 0.995], 1, True),
        ([1.0, 0.98], 1, False),
        ([1.0, 2.0, 0.995], 2, True),
        ([1.0, 2.0, 0.98], 2, False),
        ([1.0, 0.98, 1.5], 2, False),
        ([1.0, 1.0, 1.0], None, False),
    ],
)
def test_settled(losses, patience, settled) -> None:
    assert _settled(losses, patience) == settled


def test_label_smoothing(small) -> None:
    """Cross-entropy with labels of which a share is spread over all classes."""
    scores, labels = torch.randn(7, 10), torch.randint(10, (7,))
    found = classification(TrainConfig(label_smoothing=0.2), small)(scores, scores, labels)
    targets = torch.full((7, 10), 0.2 / 10)
    targets[torch.arange(7), labels] += 0.8
    wanted = -(targets * scores.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(found, wanted)
    plain, smooth = (
        fit(new_model(), small, CONFIG.model_copy(update={"label_smoothing": share}))
        for share in (0.0, 0.5)
    )
    assert smooth[-1] > plain[-1], "scores cannot be sure"


def test_cutout_takes_part(small) -> None:
    plain, cut = (fit(new_model(), small, CONFIG.model_copy(update={"cutout": n})) for n in (0, 4))
    assert plain != cut


def test_bfloat16_computes_in_it_and_keeps_weights_in_float32(small) -> None:
    model, seen = new_model(0), []

    def loss(scores: torch.Tensor, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        value = classification(CONFIG, small)(scores, images, labels)
        seen.append((scores.dtype, value.dtype))
        return value

    config = CONFIG.model_copy(update={"precision": "bfloat16"})
    losses = fit(model, small, config, loss=loss)
    assert set(seen) == {(torch.bfloat16, torch.float32)}
    assert {value.dtype for value in model.parameters()} == {torch.float32}
    full = fit(new_model(0), small, CONFIG)
    assert losses != full and losses == pytest.approx(full, rel=0.05)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("scores", [3, 12])
def test_as_many_scores_as_classes(small, scores) -> None:
    model = create_model("digits_cnn", Shape(1, 8, 8), scores)
    message = f"^the model gives {scores} scores, data set 'digits' has 10 classes; give the data"
    with pytest.raises(BitrainError, match=message):
        fit(model, small, CONFIG)
