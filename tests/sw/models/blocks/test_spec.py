"""What a block is, without its weights."""

import pytest
from pydantic import ValidationError

from bitrain.models import BLOCK_KINDS, BlockSpec
from bitrain.spec import Shape


def test_kinds_that_can_be_built():
    assert set(BLOCK_KINDS) == {"conv", "residual", "bottleneck", "dense", "separable", "linear"}


@pytest.mark.parametrize(
    ("kind", "average", "area"), [("linear", False, 12), ("linear", True, 1), ("conv", False, 1)]
)
def test_reading_another_map(kind, average, area):
    spec = BlockSpec(kind=kind, in_channels=2, out_channels=5, area=7, average=average)
    found = spec.reading(Shape(8, 4, 3))
    assert (found.in_channels, found.area, found.out_channels) == (8, area, 5)


def test_in_words():
    spec = BlockSpec(kind="conv", in_channels=2, out_channels=5)
    assert str(spec) == "conv 2 -> 5"
    assert str(spec.model_copy(update={"stride": 2})) == "conv 2 -> 5 / 2"


@pytest.mark.parametrize(
    "wrong", [{"kind": "cnov"}, {"stride": 0}, {"dropout": 1}, {"downsample": "mean"}, {"width": 1}]
)
def test_what_there_is_not(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        BlockSpec.model_validate({"kind": "conv", "in_channels": 2, "out_channels": 5, **wrong})
