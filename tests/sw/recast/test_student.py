"""One block after the other replaced: the student's maps meet the teacher's again."""

import copy

import pytest
import torch
from modules import part
from torch import nn

from bitrain.models import Block
from bitrain.recast.parse import parse_blocks
from bitrain.recast.plan import Rule
from bitrain.recast.student import Student, blocks_of, specs_of, untrained
from bitrain.spec import BitrainError, Shape

from .conftest import KINDS

SHAPE = Shape(1, 8, 8)


@pytest.fixture(scope="module")
def nets(make_net) -> dict[str, nn.Sequential]:
    """Not to be changed."""
    return {kind: make_net(kind) for kind in (*KINDS, "linear")}


def maps(model) -> list[torch.Size]:
    """Shapes of what the blocks give."""
    found, x = [], torch.rand(2, *SHAPE)
    with torch.no_grad():
        for block in model.eval():
            x = block(x)
            found.append(x.shape)
    return found


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether both have the same weights."""
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def replace(teacher, index: int, *, seed: int = 0, **options) -> tuple[Student, list[int]]:
    """The student, and the numbers of its new blocks; the rest of the world is as it was."""
    before, generator = copy.deepcopy(teacher), torch.get_rng_state()
    student = Student(teacher, SHAPE)
    new = student.replace(index, Rule.model_validate({"blocks": index, **options}), seed)
    assert torch.equal(generator, torch.get_rng_state())
    assert same(before, teacher) and specs_of(before) == specs_of(teacher)
    return student, new


@pytest.mark.parametrize("new_kind", KINDS)
@pytest.mark.parametrize("old_kind", KINDS)
def test_every_kind_becomes_every_other(nets, old_kind, new_kind):
    teacher = nets[old_kind]
    corner = old_kind == "bottleneck" != new_kind
    for index, filters in ((1, 6), (2, 8)):
        student, new = replace(teacher, index, to=new_kind, width=0.5)
        assert new == [index, index + 1]
        model = student.model()
        old, found = specs_of(teacher), specs_of(model)
        assert found[index].kind == new_kind
        assert found[index].out_channels == (4 if corner else filters) // 2
        assert found[index].stride == old[index].stride
        # The block after it is of the same kind and width as before, and reads fewer channels.
        after = {"in_channels": found[index].out_channels}
        assert found[index + 1] == old[index + 1].model_copy(update=after)
        shapes, wanted = maps(model), maps(teacher)
        assert shapes[index][2:] == wanted[index][2:]
        assert shapes[index + 1 :] == wanted[index + 1 :]
        for i in {0, 1, 2, 3} - set(new):
            assert same(model[i], teacher[i])


@pytest.mark.parametrize("kind", ["residual", "dense", "separable"])
def test_the_next_block_stays_where_the_width_does(nets, kind):
    student, new = replace(nets["conv"], 1, to=kind)
    assert new == [1]
    assert same(student.model()[2:], nets["conv"][2:])
    assert maps(student.model()) == maps(nets["conv"])


@pytest.mark.parametrize("options", [{"downsample": "max"}, {"layers": 2}, {"kernel": 5}])
def test_other_options(nets, options):
    student, new = replace(nets["conv"], 1, **options)
    assert new == [1]
    assert maps(student.model()) == maps(nets["conv"])
    assert specs_of(student.model())[1].model_dump(include=options.keys()) == options


def test_the_linear_block_after_another_stride_reads_the_new_map(nets):
    student, new = replace(nets["conv"], 2, stride=1)
    assert new == [2, 3]
    assert specs_of(student.model())[3].area == 64
    assert maps(student.model())[-1] == (2, 4)


def test_a_map_that_a_later_block_cannot_read(nets):
    with pytest.raises(BitrainError) as error:
        replace(nets["conv"], 1, stride=2)
    assert str(error.value) == (
        "block 1: another size of the map, and a later block cannot read it (a linear block does "
        "not fit a map of 8 x 2 x 2); keep the stride, or make up for it in the next block"
    )


def test_what_fits_is_inherited(nets):
    teacher = nets["conv"]
    student, new = replace(teacher, 0, width=0.5)
    assert new == [0, 1]
    conv, norm, _ = student.model()[1].children()
    assert (
        isinstance(conv, nn.Conv2d)
        and conv.weight.shape == (6, 3, 3, 3)
        and isinstance(norm, nn.BatchNorm2d)
    )
    assert same(norm, teacher[1][1])
    student, _ = replace(teacher, 1)
    assert same(student.model(), teacher), "nothing was changed"
    student, _ = replace(teacher, 1, layers=2)
    assert same(student.model().get_submodule("1.0"), teacher[1][0])


def test_weights_are_of_the_seed(nets):
    one, same_seed, other = (
        replace(nets["conv"], 1, to="residual", seed=seed)[0].model() for seed in (1, 1, 2)
    )
    assert same(one, same_seed) and not same(one, other)


def test_the_students_blocks_are_its_own(nets):
    student = Student(nets["conv"], SHAPE)
    assert same(student.model(), nets["conv"])
    own = {id(parameter) for parameter in student.model().parameters()}
    assert own.isdisjoint(map(id, nets["conv"].parameters()))
    assert student.model()[0] is student.model(0)[0], "shared with the parts that are trained"


def test_the_student_goes_on_as_the_teacher(nets):
    student, _ = replace(nets["conv"], 1, to="residual", width=0.5)
    hybrid = student.hybrid(nets["conv"], 2)
    assert hybrid[1] is student.blocks[1] and hybrid[3] is nets["conv"][3]
    assert maps(hybrid) == maps(student.model())


# --- removal -------------------------------------------------------------------------------------


def test_removal_without_stride(nets):
    student, new = replace(nets["residual"], 1, remove=True)
    assert new == [] and len(student.model()) == 3
    kept = nn.Sequential(*student.model()[1:].children())
    assert same(kept, nn.Sequential(*nets["residual"][2:]))
    assert maps(student.model())[1:] == maps(nets["residual"])[2:]


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_block_takes_the_stride_over(make_net, kind):
    teacher = make_net(kind, (2, 1), epochs=0)
    student, new = replace(teacher, 1, remove=True)
    assert new == [2] and student.shape_before(2) == (6, 8, 8)
    old, found = specs_of(teacher)[2], specs_of(student.model())[1]
    assert found == old.model_copy(update={"stride": 2})
    assert maps(student.model())[1:] == maps(teacher)[2:]
    if kind != "dense":  # of the same weights
        assert same(student.model()[1], teacher[2])


def test_strides_multiply(make_net):
    teacher = make_net("conv", (2, 2), epochs=0)
    student, new = replace(teacher, 1, remove=True)
    assert new == [2] and specs_of(student.model())[1].stride == 4
    assert maps(student.model())[1:] == maps(teacher)[2:]


def test_a_linear_block_reads_the_larger_map(nets):
    student, new = replace(nets["conv"], 2, remove=True)
    assert new == [3]
    assert specs_of(student.model())[2].model_dump(include={"in_channels", "area"}) == {
        "in_channels": 6,
        "area": 64,
    }
    assert maps(student.model())[-1] == (2, 4)


def test_two_in_a_row_are_removed(nets):
    student, _ = replace(nets["conv"], 1, remove=True)
    student.replace(2, Rule(blocks=(2,), remove=True), 0)
    assert [spec.kind for spec in specs_of(student.model())] == ["conv", "linear"]
    assert maps(student.model())[-1] == (2, 4)


def test_the_scores_are_not_removed(nets):
    with pytest.raises(BitrainError, match="block 3 gives the scores; it cannot be removed"):
        replace(nets["conv"], 3, remove=True)


# --- linear blocks -------------------------------------------------------------------------------


def test_a_linear_block_of_another_width(nets):
    student, new = replace(nets["linear"], 1, width=0.5)
    assert new == [1, 2]
    assert [spec.out_channels for spec in specs_of(student.model())] == [3, 4, 6, 4]
    assert maps(student.model())[2:] == maps(nets["linear"])[2:]


def test_a_convolution_before_a_linear_block_becomes_one(nets):
    student, new = replace(nets["linear"], 0, to="linear", width=4)
    assert new == [0, 1]
    first, second, *_ = specs_of(student.model())
    assert (first.kind, first.in_channels, first.area, first.out_channels) == ("linear", 1, 64, 12)
    assert first.relu and (second.in_channels, second.area) == (12, 1)
    assert maps(student.model())[1:] == maps(nets["linear"])[1:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_linear_block_that_reads_a_map_becomes_another_kind(nets, kind):
    student, new = replace(nets["linear"], 1, to=kind)
    assert new == [1, 2]
    assert specs_of(student.model())[2].area == 16
    assert maps(student.model())[1:3] == [(2, 8, 4, 4), (2, 6)]


def test_a_vector_is_not_read_as_a_map(nets):
    message = "block 2: a conv block cannot read the vector of block {}; use to: linear"
    with pytest.raises(BitrainError) as error:
        replace(nets["linear"], 2, to="conv")
    assert str(error.value) == message.format(1)
    longer = nn.Sequential(*nets["linear"][:2], nets["linear"][2], *nets["linear"][2:])
    longer[3] = Block(part(longer, "2", Block).spec.model_copy(update={"in_channels": 6}))
    student, _ = replace(longer, 2, remove=True)
    with pytest.raises(BitrainError) as error:
        student.replace(3, Rule(blocks=(3,), to="conv"), 0)
    assert str(error.value) == message.replace("2", "3", 1).format(1)


def test_a_map_is_not_given_as_a_vector(nets):
    with pytest.raises(BitrainError) as error:
        replace(nets["conv"], 1, to="linear")
    assert str(error.value) == (
        "block 1: a linear block gives a vector, and block 2 (conv) reads a map; use another kind"
    )


@pytest.mark.parametrize("options", [{"to": "conv"}, {"width": 0.5}])
def test_the_scores_stay_what_they_are(nets, options):
    with pytest.raises(BitrainError, match="block 3: the network does not give the teacher's sco"):
        replace(nets["conv"], 3, **options)


# --- blocks of no known kind ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def silu() -> nn.Sequential:
    convs = [nn.Conv2d(1, 6, 3, 1, 1), nn.ReLU(), nn.Conv2d(6, 8, 3, 2, 1), nn.SiLU()]
    return parse_blocks(nn.Sequential(*convs, nn.Flatten(), nn.Linear(128, 4)), SHAPE)


def test_a_block_of_no_known_kind_cannot_be_built_anew(silu):
    assert blocks_of(silu)[1].spec.kind == "other"
    with pytest.raises(BitrainError, match="block 1 is of no kind that can be built; say what it"):
        replace(silu, 1, width=0.5)
    with pytest.raises(BitrainError, match="block 1 is of no kind that can be built for 3 input"):
        replace(silu, 0, width=0.5)
    with pytest.raises(BitrainError, match="a block of kind 'other' cannot be built"):
        untrained(silu, 0)


def test_a_block_of_no_known_kind_is_kept_and_replaced(silu):
    student, new = replace(silu, 0, to="residual")
    assert new == [0] and same(student.model()[1], silu[1])
    student, new = replace(silu, 1, to="conv", width=0.5)
    assert new == [1, 2] and maps(student.model())[-1] == (2, 4)


def test_untrained(nets):
    generator = torch.get_rng_state()
    one, other = (untrained(nets["dense"], seed) for seed in (0, 1))
    assert torch.equal(generator, torch.get_rng_state())
    assert specs_of(one) == specs_of(nets["dense"])
    assert same(one, untrained(nets["dense"], 0)) and not same(one, other)


def test_a_block_of_no_known_kind_that_is_replaced_too(silu):
    rules = {0: Rule(blocks=(0,), width=0.5), 1: Rule(blocks=(1,), to="conv", stride=2, width=0.5)}
    student = Student(silu, SHAPE, rules)
    assert student.replace(0, rules[0], 0) == [0, 1]
    assert [str(spec) for spec in specs_of(student.model())] == [
        "conv 1 -> 3",
        "conv 3 -> 8 / 2",
        "linear 8 -> 4",
    ]
    assert student.replace(1, rules[1], 0) == [1, 2]
    assert str(specs_of(student.model())[1]) == "conv 3 -> 4 / 2"
