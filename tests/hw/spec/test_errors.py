"""What pydantic finds, in plain words."""

from enum import StrEnum
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bitrain.spec.errors import plain


class Inner(BaseModel):
    """Of one option."""

    size: int = 1


class Side(StrEnum):
    """An enumeration."""

    LEFT = "left"
    RIGHT = "right"


class Options(BaseModel):
    """One of each kind."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    width: Literal[1, 2, 4] = 1
    kind: Literal["raw", "axi"] = "raw"
    count: int = Field(default=1, ge=1, lt=9)
    share: float = Field(default=0.5, gt=0, le=1)
    go: bool = False
    name: str = Field(default="x", pattern="^[a-z]+$")
    lengths: tuple[int, ...] = ()
    inner: Inner = Inner()
    side: Side = Side.LEFT

    @field_validator("lengths")
    @classmethod
    def _rising(cls, lengths: tuple[int, ...]) -> tuple[int, ...]:
        if list(lengths) != sorted(lengths):
            raise ValueError("lengths must rise")
        return lengths


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 3}, "3: expected 1, 2 or 4"),
        ({"width": "4"}, "'4': expected 1, 2 or 4, without quotes"),
        ({"width": "wide"}, "'wide': expected 1, 2 or 4"),
        ({"kind": "bus"}, "'bus': expected raw or axi"),
        ({"kind": 3}, "3: expected raw or axi"),
        ({"count": 0}, "0: expected at least 1"),
        ({"count": 9}, "9: expected less than 9"),
        ({"count": "many"}, "'many': expected a whole number"),
        ({"count": 1.5}, "1.5: expected a whole number"),
        ({"share": 0}, "0: expected more than 0"),
        ({"share": 2}, "2: expected at most 1"),
        ({"share": float("nan")}, "nan: expected a finite number"),
        ({"share": []}, "[]: expected a number"),
        ({"go": "perhaps"}, "'perhaps': expected true or false"),
        ({"name": 3}, "3: expected text"),
        ({"name": "X1"}, "'X1': expected text of the form ^[a-z]+$"),
        ({"lengths": 4}, "4: expected a list, as [1, 2]"),
        ({"lengths": (8, 4)}, "lengths must rise"),
        ({"inner": "8x1"}, "'8x1': expected options, as {name: value}"),
        ({"side": "top"}, "'top': expected left or right"),
        ({"wdith": 4}, "there is no such option"),
    ],
)
def test_plain(options, message) -> None:
    with pytest.raises(ValidationError) as found:
        Options.model_validate(options)
    assert plain(found.value.errors()[0]) == message


def test_what_is_missing() -> None:
    class Needed(BaseModel):
        name: str

    with pytest.raises(ValidationError) as found:
        Needed.model_validate({})
    assert plain(found.value.errors()[0]) == "is missing"
