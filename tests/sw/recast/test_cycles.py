"""Cycles of a float network, and rules that save them."""

import pytest
from torch import nn

from bitrain.cost import estimate
from bitrain.export import export_network
from bitrain.models import Block
from bitrain.nn import ScConfig, convert
from bitrain.program import Array, Program
from bitrain.recast.cycles import propose_rules, sc_cycles
from bitrain.recast.student import Student, specs_of
from bitrain.spec import BitrainError

SC = ScConfig(bits=4, stream_length=8)
ARRAY = Array(channels=2, positions=4)


@pytest.mark.parametrize("kind", ["conv", "residual", "bottleneck", "dense", "separable", "linear"])
def test_those_of_the_exported_network(make_net, spots, kind):
    model = make_net(kind)
    sc_model = convert(model, spots.in_shape, spots.train_images, SC)
    network = export_network(sc_model, "spots", spots.test_images[:2])
    assert sc_cycles(model, spots.in_shape, SC, ARRAY) == estimate(Program(network, ARRAY)).latency


def test_of_the_default_streams(make_net, spots):
    model = make_net("conv")
    cycles = sc_cycles(model, spots.in_shape, None, ARRAY)
    assert cycles == sc_cycles(model, spots.in_shape, ScConfig(), ARRAY)
    assert cycles != sc_cycles(model, spots.in_shape, SC, ARRAY)


def with_silu(model):
    """The same blocks, two of which no description fits."""
    blocks = list(model)
    for index in (1, 2):
        spec = blocks[index].spec.model_copy(update={"kind": "other"})
        blocks[index] = Block(spec, *blocks[index], nn.SiLU())
    return nn.Sequential(*blocks)


def test_none_for_what_the_accelerator_cannot_run(make_net, spots):
    assert sc_cycles(with_silu(make_net("conv")), spots.in_shape, SC, ARRAY) is None


def recast(teacher, spots, rules):
    student = Student(teacher, spots.in_shape, {rule.blocks[0]: rule for rule in rules})
    for rule in rules:
        (index,) = rule.blocks
        student.replace(index, rule, 0)
    return student.model()


@pytest.mark.parametrize("kind", ["conv", "residual", "bottleneck", "dense", "separable"])
@pytest.mark.parametrize("budget", [0.9, 0.5, 0.3])
def test_the_budget_is_met(make_net, spots, kind, budget):
    teacher = make_net(kind)
    rules = propose_rules(teacher, spots.in_shape, SC, ARRAY, budget)
    assert rules
    student = recast(teacher, spots, rules)
    cycles = [sc_cycles(model, spots.in_shape, SC, ARRAY) for model in (student, teacher)]
    assert cycles[0] <= budget * cycles[1]
    assert specs_of(student)[-1].out_channels == 4
    assert propose_rules(teacher, spots.in_shape, SC, ARRAY, budget) == rules


def test_nothing_to_save(make_net, spots):
    assert propose_rules(make_net("conv"), spots.in_shape, SC, ARRAY, 1.0) == ()


def test_what_the_accelerator_cannot_run_becomes_residual(make_net, spots):
    teacher = with_silu(make_net("conv"))
    rules = propose_rules(teacher, spots.in_shape, SC, ARRAY, 1.0)
    assert [(rule.blocks, rule.to, rule.width) for rule in rules] == [
        ((1,), "residual", 1.0),
        ((2,), "residual", 1.0),
    ]
    assert sc_cycles(recast(teacher, spots, rules), spots.in_shape, SC, ARRAY) is not None
    less = recast(teacher, spots, propose_rules(teacher, spots.in_shape, SC, ARRAY, 0.8))
    assert sc_cycles(less, spots.in_shape, SC, ARRAY) is not None


def test_a_first_block_of_no_known_kind_becomes_a_convolution(make_net, spots):
    blocks = list(make_net("conv"))
    spec = blocks[0].spec.model_copy(update={"kind": "other"})
    blocks[0] = Block(spec, *blocks[0], nn.SiLU())
    rules = propose_rules(nn.Sequential(*blocks), spots.in_shape, SC, ARRAY, 1.0)
    assert [(rule.blocks, rule.to, rule.width) for rule in rules] == [((0,), "conv", 1.0)]


def test_the_budget_is_of_a_teacher_that_runs_as_it_is(make_net, spots):
    """Not of one with residual blocks in the place of those that no description fits."""
    blocks = list(make_net("conv"))
    for index in (1, 2):
        spec = blocks[index].spec.model_copy(update={"kind": "other"})
        blocks[index] = Block(spec, *blocks[index])
    teacher = nn.Sequential(*blocks)
    student = recast(teacher, spots, propose_rules(teacher, spots.in_shape, SC, ARRAY, 0.7))
    cycles = [sc_cycles(model, spots.in_shape, SC, ARRAY) for model in (student, teacher)]
    ours, theirs = cycles
    assert ours and theirs and ours <= 0.7 * theirs


def test_why_no_rules_are_proposed(make_net, spots):
    blocks = list(make_net("conv"))
    blocks[1] = Block(blocks[1].spec, *blocks[1], nn.GELU())
    with pytest.raises(BitrainError, match=r"\(GELU \(1\.3\): the accelerator has no .*\); w"):
        propose_rules(nn.Sequential(*blocks), spots.in_shape, SC, ARRAY, 0.5)


def test_an_impossible_budget(make_net, spots):
    teacher = make_net("conv")
    whole = sc_cycles(teacher, spots.in_shape, SC, ARRAY)
    with pytest.raises(BitrainError) as error:
        propose_rules(teacher, spots.in_shape, SC, ARRAY, 0.01)
    message = str(error.value)
    assert message.startswith("no student within 0.01 of the teacher's cycles was found; ")
    assert f"of {whole:,} is the least" in message
