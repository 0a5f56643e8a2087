"""The loss of a stage, its optimizers, and a training that goes on after a stop."""

import pytest
import torch
from epochs import interrupted_epoch

from bitrain.nas.genotype import KNOWN
from bitrain.nas.network import edges_of
from bitrain.nas.search import (
    Optimizers,
    SearchConfig,
    difference,
    reference_cost,
    stage_loss,
    train_stage,
)
from bitrain.nas.space import fine_network, inherit_weights
from bitrain.profile.cost import model_cost
from bitrain.spec import BitrainError

from .conftest import TORCH, randomise


@pytest.fixture
def teacher(make_teacher):
    return make_teacher(TORCH)


@pytest.fixture
def search(teacher, few, recipe):
    """Train the second stage for four epochs, with a checkpoint."""
    config = recipe.model_copy(update={"epochs": 4})
    return lambda stage, path: train_stage(stage, teacher, 1, few, config, checkpoint=path)


@pytest.fixture
def new_stage(teacher, few):
    """The super-network of a stage as it is when its search begins."""

    def make(index: int = 1):
        network = fine_network(TORCH, KNOWN["residual"], few.in_shape, few.num_classes)
        inherit_weights(network, teacher)
        return network.stages[index]

    return make


def weights(module) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in module.state_dict().values()]


def same(ours, theirs) -> bool:
    return all(torch.equal(*pair) for pair in zip(ours, theirs, strict=True))


def test_difference_is_a_share_of_the_variance():
    theirs = torch.randn(4, 3, 5, 5)
    assert difference(theirs, theirs) == 0
    assert difference(theirs.mean().expand_as(theirs), theirs).item() == pytest.approx(1, rel=0.01)
    ours = theirs + 0.3
    assert difference(10 * ours, 10 * theirs).item() == pytest.approx(
        difference(ours, theirs).item(), rel=1e-4
    )


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("matching", ["output", "successor", "middle"])
def test_what_is_compared(teacher, few, index, matching):
    loss = stage_loss(teacher, index, matching)
    parts = teacher.parts()
    with torch.no_grad():
        inputs = torch.nn.Sequential(*parts[: index + 1])(torch.from_numpy(few.test_images[:16]))
        theirs = parts[index + 1].outputs(inputs)
        ours = [output + 0.1 * (1 + i) for i, output in enumerate(theirs)]
        expected = difference(ours[-1], theirs[-1])
        if matching == "successor":
            after = parts[index + 2]
            expected += difference(after(ours[-1]), after(theirs[-1]))
        if matching == "middle" and len(ours) == 2:
            expected += difference(ours[0], theirs[0])
        torch.testing.assert_close(loss((inputs, *ours)), expected)
        assert loss((inputs, *theirs)) == 0


@pytest.mark.parametrize("matching", ["output", "successor", "middle"])
def test_gradients_reach_the_stage_and_not_the_teacher(teacher, new_stage, few, matching):
    stage = new_stage()
    inputs = torch.nn.Sequential(*teacher.parts()[:2])(torch.from_numpy(few.test_images[:16]))
    stage_loss(teacher, 1, matching)((inputs.detach(), *stage.outputs(inputs.detach()))).backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(edge.alpha.grad is not None for _, edge in edges_of(stage))
    assert stage.cells[0].edges["0_1"].operations["conv_3x3"][0].weight.grad.any()


def test_the_successor_says_what_is_needed(teacher, new_stage, few):
    """Outputs as far away as each other cost more where the next stage looks."""
    loss = stage_loss(teacher, 1, "successor")
    inputs = torch.nn.Sequential(*teacher.parts()[:2])(torch.from_numpy(few.test_images[:16]))
    with torch.no_grad():
        theirs = teacher.parts()[2].outputs(inputs)[-1]
        noise = torch.randn(theirs.shape)
        # The head averages over each map: what has no mean does not reach it.
        unseen = noise - noise.mean((2, 3), keepdim=True)
        seen = noise.mean((2, 3), keepdim=True).expand_as(noise)
        unseen, seen = (part / part.square().mean().sqrt() for part in (unseen, seen))
        assert loss((inputs, theirs + seen)) > 1.5 * loss((inputs, theirs + unseen))


def test_training_lowers_the_loss_and_leaves_the_teacher(teacher, new_stage, few, recipe):
    stage, before = new_stage(), weights(teacher)
    losses = train_stage(stage, teacher, 1, few, recipe.model_copy(update={"epochs": 8}))
    assert losses[-1] < 0.7 * losses[0]
    assert same(weights(teacher), before)
    assert next(stage.parameters()).device.type == "cpu" and not stage.training


def test_architecture_parameters_rest_at_first(teacher, new_stage, few, recipe):
    for warmup, moves in ((2, False), (1, True)):
        stage = new_stage()
        before = [edge.alpha.detach().clone() for _, edge in edges_of(stage)]
        config = recipe.model_copy(update={"warmup_epochs": warmup})
        train_stage(stage, teacher, 1, few, config)
        after = [edge.alpha.detach() for _, edge in edges_of(stage)]
        assert same(before, after) != moves


def test_an_interrupted_search_goes_on_to_the_same_result(new_stage, search, tmp_path):
    """Bit for bit, though architecture parameters have an optimizer of their own."""
    straight, fresh = new_stage(), new_stage()
    losses = search(straight, tmp_path / "a.pt")
    with interrupted_epoch(2):
        search(new_stage(), tmp_path / "b.pt")
    randomise(fresh, 5)
    assert search(fresh, tmp_path / "b.pt") == losses and len(losses) == 4
    assert same(weights(fresh), weights(straight))


def test_a_search_in_bfloat16(teacher, new_stage, few, recipe):
    stage, lower = new_stage(), recipe.model_copy(update={"epochs": 4, "precision": "bfloat16"})
    losses = train_stage(stage, teacher, 1, few, lower)
    full = train_stage(new_stage(), teacher, 1, few, recipe.model_copy(update={"epochs": 4}))
    assert losses != full and losses == pytest.approx(full, rel=0.05)
    assert {tensor.dtype for tensor in stage.parameters()} == {torch.float32}


def test_a_checkpoint_of_another_recipe_is_refused(teacher, new_stage, few, recipe, tmp_path):
    path = tmp_path / "stage.pt"
    train_stage(new_stage(), teacher, 1, few, recipe, checkpoint=path)
    other = recipe.model_copy(update={"matching": "middle"})
    with pytest.raises(BitrainError, match="matching: successor there, middle now"):
        train_stage(new_stage(), teacher, 1, few, other, checkpoint=path)


def test_two_optimizers_as_one(new_stage):
    stage = new_stage()
    optimizer = Optimizers(stage, SearchConfig(alpha_learning_rate=0.5))
    alphas = {edge.alpha for _, edge in edges_of(stage)}
    (group,) = optimizer.weights.param_groups
    assert not alphas & set(group["params"]) and len(group["params"]) > 0
    assert set(optimizer.alphas.param_groups[0]["params"]) == alphas
    assert optimizer.param_groups is optimizer.weights.param_groups


def test_the_reference_is_the_teachers_stage(teacher, few):
    cost = reference_cost(teacher, 1, few.in_shape)
    whole = model_cost(teacher, few.in_shape).macs
    parts = sum(reference_cost(teacher, i, few.in_shape).macs for i in (0, 1))
    stem_and_head = 9 * 4 * 64 + 8 * 10
    assert parts == whole - stem_and_head and cost.cycles == 0
