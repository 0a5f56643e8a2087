"""Functions of cells, on words of many circuits."""

import numpy as np
import pytest

from bitrain.gen.asic.functions import Function

A, B, C = (np.array([word], np.uint64) for word in (0b11110000, 0b11001100, 0b10101010))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A", A),
        ("(!A)", ~A),
        ("A'", ~A),
        ("(A B)'", ~(A & B)),
        ("A&B", A & B),
        ("A * B", A & B),
        ("A+B", A | B),
        ("A | B", A | B),
        ("A^B", A ^ B),
        ("A B + C", A & B | C),
        ("A + B C", A | B & C),
        ("A B^C", A & (B ^ C)),  # XOR is stronger than AND
        ("!A B", ~A & B),
        ("!(A+B) C", ~(A | B) & C),
        ("(!((A B)+C))", ~(A & B | C)),
        ("((S A) + (!S B))", C & A | ~C & B),
        ("A 1", A),
        ("A + 0", A),
        ("A B' C", A & ~B & C),
    ],
)
def test_values(text, wanted) -> None:
    function = Function(text)
    assert (function({"A": A, "B": B, "C": C, "S": C}) == wanted).all()


def test_names_and_constants() -> None:
    assert Function("(!((A1 B2)+A1))").names == {"A1", "B2"}
    one = Function("1")
    assert one.names == set() and int(one({})) == (1 << 64) - 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a pin or a bracket"),
        ("A +", "expected a pin or a bracket"),
        ("(A", "a bracket is not closed"),
        ("A)", r"\) is out of place"),
        ("A % B", "% is unknown"),
    ],
)
def test_what_is_no_function(text, message) -> None:
    with pytest.raises(ValueError, match=message):
        Function(text)
