"""The order of a paired timing, its medians, and the models that are timed."""

from typing import ClassVar

import pytest
import torch
from modules import draw_statistics
from torch import nn

from bitrain.models import create_model
from bitrain.profile.latency import fold_batch_norm, paired_latency
from bitrain.spec import Shape

SHAPE = Shape(1, 8, 8)


class Recorder(nn.Module):
    """Notes its name and input at each call; its durations are taken in turn."""

    # Of the class: what is timed are copies.
    calls: ClassVar[list[tuple[str, torch.Tensor]]] = []
    clock: ClassVar[float] = 0.0

    def __init__(self, name: str, *seconds: float):
        super().__init__()
        self.name, self.seconds, self.count = name, seconds, 0

    def forward(self, inputs):
        assert not self.training and not torch.is_grad_enabled()
        assert torch.get_num_threads() == 1
        Recorder.calls.append((self.name, inputs))
        Recorder.clock += self.seconds[self.count % len(self.seconds)]
        self.count += 1
        return inputs


@pytest.fixture(autouse=True)
def forget():
    Recorder.calls, Recorder.clock = [], 0.0


def test_models_take_turns_and_medians_are_of_pairs():
    # The second repeat is slow for both: the ratios, 4, 2 and 3, do not see it.
    models: dict[str, nn.Module] = {
        "teacher": Recorder("teacher", 4, 20, 6),
        "student": Recorder("student", 1, 10, 2),
    }
    found = paired_latency(models, SHAPE, (2,), repeats=3, warmups=0, clock=lambda: Recorder.clock)
    assert [name for name, _ in Recorder.calls] == ["teacher", "student"] * 3
    teacher, student = found[2]["teacher"], found[2]["student"]
    assert (teacher.seconds, teacher.speedup) == (6, 1)
    assert (student.seconds, student.speedup) == (2, 3)


def test_batches_and_warm_up_runs():
    found = paired_latency(
        {"one": Recorder("one", 5, 1, 1)},
        Shape(3, 8, 6),
        (1, 4),
        repeats=2,
        warmups=1,
        clock=lambda: Recorder.clock,
    )
    assert [len(inputs) for _, inputs in Recorder.calls] == [1] * 3 + [4] * 3
    # The first call is slow and does not count.
    assert found[1]["one"].seconds == 1
    images = Recorder.calls[-1][1]
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert all(torch.equal(images, inputs) for _, inputs in Recorder.calls[3:])


def test_images_are_the_same_each_time():
    for _ in range(2):
        paired_latency({"one": Recorder("one", 1)}, SHAPE, (3,), repeats=1, warmups=0)
    (_, first), (_, second) = Recorder.calls
    assert torch.equal(first, second) and first.std() > 0


def test_real_models_and_the_real_clock():
    model = create_model("digits_cnn", SHAPE, 10).train()
    found = paired_latency({"a": model, "b": model}, SHAPE, (1, 2), repeats=2, warmups=0)
    assert found.keys() == {1, 2} and found[1].keys() == {"a", "b"}
    assert found[2]["b"].seconds > 0 and found[2]["a"].speedup == 1
    assert model.training and isinstance(model.get_submodule("0.1"), nn.BatchNorm2d)


@pytest.mark.parametrize(("models", "repeats"), [({}, 1), ({"one": nn.Identity()}, 0)])
def test_nothing_to_time(models, repeats):
    with pytest.raises(ValueError, match="at least one model and one repeat"):
        paired_latency(models, SHAPE, repeats=repeats)


@pytest.mark.parametrize("name", ["vgg8", "resnet9", "densenet22"])
def test_folding_changes_nothing(name):
    shape = Shape(3, 16, 16)
    model = create_model(name, shape, 5)
    draw_statistics(model)
    folded = fold_batch_norm(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert model.training and not folded.training
    images = torch.rand(4, *shape)
    with torch.no_grad():
        torch.testing.assert_close(folded(images), model.eval()(images), atol=1e-4, rtol=1e-4)


def kinds(model: nn.Module) -> list[type[nn.Module]]:
    return [type(part) for part in model.children()]


def test_only_what_follows_a_convolution_is_folded():
    class Odd(nn.Sequential):
        def forward(self, input):
            return input

    conv, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1)
    kept = [
        nn.Sequential(conv, nn.ReLU(), norm),
        nn.Sequential(norm, conv),
        nn.Sequential(conv, nn.BatchNorm2d(1, track_running_stats=False)),
        Odd(conv, norm),
    ]
    for model in kept:
        assert kinds(fold_batch_norm(model)) == kinds(model)
    folded = fold_batch_norm(nn.Sequential(conv, norm))
    assert kinds(folded) == [nn.Conv2d, nn.Identity]
