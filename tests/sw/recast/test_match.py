"""Training against the teacher's activations."""

import copy

import numpy as np
import pytest
import torch
from epochs import interrupted_epoch, no_epochs
from torch import nn
from torch.nn import functional as F

from bitrain.models import model_digest
from bitrain.recast.match import finetune_student, matching_loss, measure_difference, recast_block
from bitrain.recast.plan import RecastFineTuneConfig, Rule
from bitrain.recast.student import Student
from bitrain.spec import BitrainError
from bitrain.train.config import TrainConfig
from bitrain.train.loop import fit

from .conftest import KINDS

CONFIG = TrainConfig(epochs=1, batch_size=20, learning_rate=0.01, max_shift=0)
FOUR = CONFIG.model_copy(update={"epochs": 4, "batch_size": 6})


@pytest.fixture(scope="module")
def nets(make_net) -> dict[str, nn.Sequential]:
    """Not to be changed."""
    return {kind: make_net(kind) for kind in (*KINDS, "linear")}


def student_of(teacher: nn.Sequential, spots, index: int, **options) -> Student:
    student = Student(teacher, spots.in_shape)
    student.replace(index, Rule.model_validate({"blocks": index, **options}), 0)
    return student


# --- the loss ------------------------------------------------------------------------------------


def test_mean_squared_difference():
    one, other = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)
    assert matching_loss(one, other) == F.mse_loss(one, other)
    assert matching_loss(one[..., 0, 0], other[..., 0, 0]) == F.mse_loss(
        one[..., 0, 0], other[..., 0, 0]
    )


def test_the_larger_map_is_averaged():
    small, large = torch.rand(2, 3, 2, 4), torch.rand(2, 3, 4, 4)
    wanted = F.mse_loss(small, F.avg_pool2d(large, (2, 1)))
    torch.testing.assert_close(matching_loss(small, large), wanted)
    torch.testing.assert_close(matching_loss(large, small), wanted)
    crossed = torch.rand(2, 3, 4, 2)
    wanted = F.mse_loss(F.avg_pool2d(small, (1, 2)), F.avg_pool2d(crossed, (2, 1)))
    torch.testing.assert_close(matching_loss(small, crossed), wanted)


def test_a_vector_and_a_map_of_as_many_numbers():
    image = torch.rand(2, 3, 4, 5)
    assert matching_loss(image.flatten(1), image) == 0


def test_other_channels():
    with pytest.raises(BitrainError, match="the student gives 3 channels where the teacher gives"):
        matching_loss(torch.rand(2, 3, 4, 4), torch.rand(2, 5, 4, 4))


def test_always_in_single_precision():
    one, other = (torch.rand(2, 3, 4, 4).bfloat16() for _ in range(2))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = matching_loss(one, other)
        assert torch.is_autocast_enabled("cpu")
    assert loss.dtype == torch.float32
    assert loss == F.mse_loss(one.float(), other.float())


def test_difference_of_many_images(nets, spots):
    """More than a batch of them."""
    one, other = nets["conv"][:3], nets["residual"][:3]
    images = spots.test_images
    assert len(images) > 100 and len(images) % 100
    with torch.no_grad():
        x = torch.from_numpy(images)
        wanted = F.mse_loss(one.eval()(x), other.eval()(x)).item()
    assert measure_difference(one, other, images) == pytest.approx(wanted, rel=1e-5)
    assert measure_difference(one.train(), one, images) == 0
    assert not one[0].training


# --- a block -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "width"),
    [
        ("conv", "conv", 0.5),
        *[("conv", kind, 1.0) for kind in KINDS[1:]],
        *[(kind, "conv", 0.5) for kind in KINDS[1:]],
        *[("residual", "bottleneck", 1.0), ("dense", "residual", 0.75)],
        *[("bottleneck", "separable", 2.0), ("separable", "dense", 0.5)],
    ],
)
def test_the_difference_falls(nets, spots, old, new, width):
    student = student_of(nets[old], spots, 1, to=new, width=width)
    before = measure_difference(student.model(2), nets[old][:3], spots.test_images)
    losses = recast_block(student, nets[old], 1, spots, FOUR)
    assert len(losses) == 4 and losses[-1] < 0.9 * losses[0]
    assert measure_difference(student.model(2), nets[old][:3], spots.test_images) < before
    model = student.model()
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(("index", "options"), [(1, {"remove": True}), (2, {"width": 0.5})])
def test_removal_and_the_scores(nets, spots, index, options):
    student = student_of(nets["residual"], spots, index, **options)
    losses = recast_block(student, nets["residual"], index, spots, FOUR)
    assert losses[-1] < losses[0]
    if index == 2:
        wanted = measure_difference(student.model(), nets["residual"], spots.train_images)
        assert wanted < 2 * losses[-1], "compared by the scores"


def test_a_linear_block(nets, spots):
    student = student_of(nets["linear"], spots, 1, width=0.5)
    losses = recast_block(student, nets["linear"], 1, spots, FOUR)
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("scope", ["pair", "prefix"])
def test_what_trains(nets, spots, scope):
    """Earlier blocks with all their statistics, or nothing of them."""
    teacher = nets["residual"]
    student = student_of(teacher, spots, 2, to="conv")
    before = [copy.deepcopy(block) for block in student.model()]
    recast_block(student, teacher, 2, spots, CONFIG, scope=scope)
    after = list(student.model())
    for i in (0, 1):
        state, wanted = after[i].state_dict(), before[i].state_dict()
        unchanged = [torch.equal(state[name], wanted[name]) for name in state]
        assert all(unchanged) if scope == "pair" else not any(unchanged)
    for i in (2, 3):
        assert model_digest(after[i]) != model_digest(before[i])


def test_pair_after_a_removal(nets, spots):
    teacher = nets["conv"]
    student = student_of(teacher, spots, 1, remove=True)
    student.replace(2, Rule(blocks=(2,), to="residual"), 0)
    before = model_digest(student.model(0))
    recast_block(student, teacher, 2, spots, CONFIG, scope="pair")
    assert model_digest(student.model(0)) == before


def test_later_blocks_do_not_train(nets, spots):
    student = student_of(nets["conv"], spots, 0, width=0.5)
    before = model_digest(student.model()[2]), model_digest(student.model()[3])
    recast_block(student, nets["conv"], 0, spots, CONFIG)
    assert (model_digest(student.model()[2]), model_digest(student.model()[3])) == before


@pytest.mark.parametrize("scope", ["pair", "prefix"])
def test_the_teacher_is_asked_once_a_batch_and_stays_as_it_is(make_net, spots, scope):
    teacher = make_net("conv", epochs=0).train()
    student = student_of(teacher, spots, 1, to="residual")
    before, calls = model_digest(teacher), []
    for block in teacher:
        block.register_forward_hook(
            lambda block, inputs, output: calls.append((block, block.training, output))
        )
    recast_block(student, teacher, 1, spots, FOUR, scope=scope)
    assert [block for block, *_ in calls] == list(teacher[:3]) * 40
    assert not any(training or output.requires_grad for _, training, output in calls)
    assert model_digest(teacher) == before


@pytest.mark.parametrize("scope", ["pair", "prefix"])
def test_an_interrupted_block_resumes_to_the_same(nets, spots, tmp_path, scope):
    teacher, path = nets["conv"], tmp_path / "block.pt"
    config = CONFIG.model_copy(update={"epochs": 3, "max_shift": 1})

    def train(checkpoint=None):
        student = student_of(teacher, spots, 1, to="residual")
        losses = recast_block(
            student, teacher, 1, spots, config, scope=scope, checkpoint=checkpoint
        )
        return losses, model_digest(student.model())

    wanted = train()
    with interrupted_epoch(1):
        train(path)
    assert len(torch.load(path, weights_only=True)["losses"]) == 1
    assert train(path) == wanted
    with no_epochs():
        assert train(path) == wanted


def test_in_bfloat16_the_teacher_computes_alike(nets, spots):
    """Student and teacher round alike; what they give is compared in float32."""
    teacher, seen = nets["conv"], []
    config = CONFIG.model_copy(update={"epochs": 3, "precision": "bfloat16"})
    student = student_of(teacher, spots, 1, to="residual")
    hook = teacher[2].register_forward_hook(lambda *call: seen.append(call[-1].dtype))
    losses = recast_block(student, teacher, 1, spots, config)
    hook.remove()
    assert set(seen) == {torch.bfloat16} and losses[-1] < losses[0]
    tuning = RecastFineTuneConfig.model_validate(config.model_dump())
    losses = finetune_student(student.model(), teacher, spots, tuning)
    assert losses[-1] < losses[0]


# --- the whole student ---------------------------------------------------------------------------


def test_without_matching_it_is_plain_training(nets, spots):
    config = RecastFineTuneConfig(matching=0, **CONFIG.model_dump())
    tuned, plain = copy.deepcopy(nets["conv"]), copy.deepcopy(nets["conv"])
    losses = finetune_student(tuned, nets["residual"], spots, config)
    assert losses == fit(plain, spots, CONFIG)
    assert model_digest(tuned) == model_digest(plain)


def test_labels_and_scores(nets, spots):
    """One batch of all images: the loss by hand."""
    config = RecastFineTuneConfig(epochs=1, batch_size=60, max_shift=0, matching=0.7)
    model, teacher = copy.deepcopy(nets["conv"]), copy.deepcopy(nets["residual"]).train()
    images, labels = map(torch.from_numpy, (spots.train_images, spots.train_labels))
    with torch.no_grad():
        scores = copy.deepcopy(model).train()(images)
        match = F.mse_loss(scores, nets["residual"](images))
        wanted = (F.cross_entropy(scores, labels) + 0.7 * match).item()
    assert match > 1e-3
    (loss,) = finetune_student(model, teacher, spots, config)
    assert loss == pytest.approx(wanted, rel=1e-4)
    assert model_digest(teacher) == model_digest(nets["residual"]) and not teacher[0].training


def test_fine_tuning_resumes_to_the_same(nets, spots, tmp_path):
    path = tmp_path / "finetune.pt"
    config = RecastFineTuneConfig(epochs=2, batch_size=20)

    def train(checkpoint=None):
        model = copy.deepcopy(nets["conv"])
        losses = finetune_student(model, nets["dense"], spots, config, checkpoint=checkpoint)
        return losses, model_digest(model)

    wanted = train()
    with interrupted_epoch(1):
        train(path)
    assert train(path) == wanted


def test_a_whole_recasting_keeps_the_accuracy(make_net, spots):
    """Residual blocks into narrow convolutions; the task is easy."""
    teacher = make_net("residual")
    student = Student(teacher, spots.in_shape)
    for index in (1, 2):
        student.replace(index, Rule(blocks=(1, 2), to="conv", width=0.5), 0)
        recast_block(student, teacher, index, spots, FOUR)
    model = student.model()
    finetune_student(model, teacher, spots, RecastFineTuneConfig(**FOUR.model_dump()))

    def accuracy(net: nn.Module) -> float:
        with torch.no_grad():
            found = net.eval()(torch.from_numpy(spots.test_images)).argmax(1).numpy()
        return float(np.mean(found == spots.test_labels))

    assert accuracy(teacher) > 0.9 and accuracy(model) > 0.9
