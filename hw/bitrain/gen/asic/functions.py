"""Logic functions in Liberty's notation, for many circuits at once.

From the strongest to the weakest (Liberty Reference Manual, *function*):

    !a  a'      NOT
    a ^ b       XOR
    a & b  a * b  a b    AND
    a | b  a + b         OR
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

_TOKENS = re.compile(r"\s*([()!'^&*|+]|[A-Za-z_][\w\[\]]*|[01])")

Values = Mapping[str, np.ndarray]
"""Words of each name, uint64, all of one shape: a bit for each circuit."""
_Evaluate = Callable[[Values], np.ndarray]


class Function:
    """A function of a cell's pins; ValueError where the text is none.

    Parameters
    ----------
    text
        Such as ``(!((A B)+C))``.
    """

    def __init__(self, text: str):
        self.text = text
        self.names: set[str] = set()
        """Pins and states that it depends on."""
        self._tokens = self._split(text)
        self._evaluate = self._alternatives()
        if self._tokens:
            raise ValueError(f"function {text!r}: {self._tokens[0]} is out of place")

    def __call__(self, values: Values) -> np.ndarray:
        """The value, of the shape of ``values``."""
        return self._evaluate(values)

    @staticmethod
    def _split(text: str) -> list[str]:
        tokens, place = [], 0
        while place < len(text.rstrip()):
            if not (found := _TOKENS.match(text, place)):
                raise ValueError(f"function {text!r}: {text[place:].strip()[0]} is unknown")
            tokens.append(found[1])
            place = found.end()
        return tokens

    def _next(self, marks: str) -> bool:
        """Whether one of these marks is next, and then taken."""
        found = bool(self._tokens) and self._tokens[0] in marks
        if found:
            self._tokens.pop(0)
        return found

    def _alternatives(self) -> _Evaluate:
        found = self._products()
        while self._next("|+"):
            found = _both(np.bitwise_or, found, self._products())
        return found

    def _products(self) -> _Evaluate:
        found = self._differences()
        # Operands beside each other are a product.
        while self._next("&*") or (self._tokens and self._tokens[0] not in ")|+^'"):
            found = _both(np.bitwise_and, found, self._differences())
        return found

    def _differences(self) -> _Evaluate:
        found = self._operand()
        while self._next("^"):
            found = _both(np.bitwise_xor, found, self._operand())
        return found

    def _operand(self) -> _Evaluate:
        if self._next("!"):
            return _inverse(self._operand())
        if self._next("("):
            found = self._alternatives()
            if not self._next(")"):
                raise ValueError(f"function {self.text!r}: a bracket is not closed")
        elif self._tokens and re.match(r"\w", self._tokens[0]):
            found = self._leaf(self._tokens.pop(0))
        else:
            raise ValueError(f"function {self.text!r}: expected a pin or a bracket")
        while self._next("'"):
            found = _inverse(found)
        return found

    def _leaf(self, name: str) -> _Evaluate:
        if name in "01":
            value = np.array(-(name == "1"), np.int64).view(np.uint64)
            return lambda _: value
        self.names.add(name)
        return lambda values: values[name]


def _both(apply: np.ufunc, one: _Evaluate, other: _Evaluate) -> _Evaluate:
    return lambda values: apply(one(values), other(values))


def _inverse(one: _Evaluate) -> _Evaluate:
    return lambda values: ~one(values)
