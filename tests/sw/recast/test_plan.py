"""Plans: which blocks become what, and what is refused."""

import pytest
from pydantic import ValidationError

from bitrain.models import BlockSpec
from bitrain.recast.plan import RecastPlan, Rule
from bitrain.spec import BitrainError


def rule(**options) -> Rule:
    return Rule.model_validate(options)


def plan(*rules: dict) -> RecastPlan:
    return RecastPlan.model_validate({"blocks": rules})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(3, (3,)), ("3", (3,)), (" 3-5 ", (3, 4, 5)), ("4-4", (4,)), ([1, 7], (1, 7))],
)
def test_numbers_and_ranges_of_blocks(given, wanted):
    assert rule(blocks=given).blocks == wanted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": "5-3"}, "'5-3' is not a block's number or a range like 3-5"),
        ({"blocks": "all"}, "'all' is not a block's number or a range like 3-5"),
        ({"blocks": -1}, "greater than or equal to 0"),
        ({"blocks": []}, "at least 1 item"),
        ({"blocks": 0, "to": "cnov"}, r"'cnov' is no kind of block; choose one of \['conv', "),
        ({"blocks": 0, "to": "other"}, "'other' is no kind of block"),
        ({"blocks": 0, "width": 0}, "0 is not a ratio of widths in 0 … 16"),
        ({"blocks": "0-1", "width": [0.5, 17]}, "17 is not a ratio of widths"),
        ({"blocks": "0-2", "width": [0.5, 0.5]}, "2 widths for 3 blocks"),
        ({"blocks": 0, "remove": True, "width": 0.5}, "removed has no other options"),
        ({"blocks": 0, "remove": True, "to": "conv"}, "removed has no other options"),
        ({"blocks": 0, "stride": 0}, "greater than or equal to 1"),
        ({"blocks": 0, "strid": 2}, "Extra inputs"),
    ],
)
def test_rules_that_are_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        rule(**options)


def test_removal_alone_is_a_rule():
    assert rule(blocks="1-2", remove=True).remove


def test_a_width_for_each_block():
    each, all_alike = rule(blocks="3-5", width=[0.25, 0.5, 2]), rule(blocks="3-5", width=0.75)
    assert [each.ratio(block) for block in (3, 4, 5)] == [0.25, 0.5, 2]
    assert [all_alike.ratio(block) for block in (3, 4, 5)] == [0.75] * 3


def test_a_block_has_one_rule():
    with pytest.raises(ValidationError, match="block 3 has two rules"):
        plan({"blocks": "2-3"}, {"blocks": [5, 3]})


def test_rules_in_the_order_of_the_network():
    found = plan({"blocks": [4, 1], "to": "conv"}, {"blocks": "2-3", "remove": True})
    assert list(found.rules) == [1, 2, 3, 4]
    assert found.rules[4].to == "conv" and found.rules[2].remove


def block(kind: str, **options) -> BlockSpec:
    sizes = {"in_channels": 16, "out_channels": 40}
    return BlockSpec.model_validate({"kind": kind, **sizes, **options})


def test_a_narrower_block_of_the_same_kind():
    old = block("residual", stride=2, middle=24, padding=0, downsample="max")
    found = rule(blocks=1, width=0.5).target(1, old)
    assert found == old.model_copy(update={"out_channels": 20, "middle": 12})
    assert rule(blocks=1, width=0.001).target(1, old).out_channels == 1


def test_the_middle_of_a_bottleneck_is_the_width_of_what_it_becomes():
    old = block("bottleneck", middle=10)
    found = rule(blocks=1, to="conv", width=0.5).target(1, old)
    assert (found.kind, found.out_channels, found.middle) == ("conv", 5, None)
    narrower = rule(blocks=1, to="bottleneck", width=0.5).target(1, old)
    assert (narrower.out_channels, narrower.middle) == (20, 5)
    assert rule(blocks=1, to="dense").target(1, block("bottleneck")).out_channels == 10


def test_another_kind_forgets_what_means_something_else_there():
    old = block("dense", layers=3, middle=8, padding=0, stride=2, downsample="average", kernel=5)
    found = rule(blocks=1, to="residual").target(1, old)
    wanted = {"stride": 2, "downsample": "average", "kernel": 5}
    assert found == block("residual", **wanted)
    scores = block("linear", average=True, area=4, relu=False, dropout=0.5)
    assert rule(blocks=1, to="conv").target(1, scores) == block("conv")


def test_options_that_are_given_hold():
    given = {"stride": 4, "downsample": "max", "kernel": 1, "middle": 7, "layers": 2}
    for kind in ("conv", "dense"):
        found = rule(blocks=1, to="dense", **given).target(1, block(kind, middle=3, stride=2))
        assert found.model_dump(include=set(given)) == given


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (
            "conv",
            "middle",
            "block 3: middle is an option of residual, bottleneck, dense blocks, not",
        ),
        ("residual", "layers", "layers is an option of conv, dense blocks, not of residual"),
        ("separable", "dropout", "dropout is an option of linear blocks, not of separable"),
        (
            "linear",
            "kernel",
            "kernel is an option of conv, residual, .* not of linear; leave it out",
        ),
    ],
)
def test_an_option_that_the_new_kind_does_not_have(kind, name, message):
    value = 0.5 if name == "dropout" else 3
    with pytest.raises(BitrainError, match=message):
        rule(blocks=3, to=kind, **{name: value}).target(3, block("dense"))


def test_a_block_of_no_known_kind_must_become_something():
    old = block("other")
    with pytest.raises(BitrainError, match=r"block 4 is of no kind that can be built; .* to: conv"):
        rule(blocks=4, width=0.5).target(4, old)
    assert rule(blocks=4, to="conv").target(4, old).kind == "conv"


def test_streams_are_matched_in_float32():
    for section in ("train", "finetune"):
        with pytest.raises(ValidationError, match="exact in float32 only; leave it out"):
            RecastPlan.model_validate({"sc": {section: {"precision": "bfloat16"}}})
    lower = {"precision": "bfloat16"}
    given = RecastPlan.model_validate({"train": lower, "finetune": lower})
    assert given.train.precision == given.finetune.precision == "bfloat16"
