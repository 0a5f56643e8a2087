"""Number sequences that drive stochastic number generators (SNGs).

An n-bit sequence visits every value 0 … 2^n - 1 exactly once per period, so the stream
``r_t < a`` holds exactly ``a`` ones in a full period. Sources:

- LFSR taps: P. Alfke, *Efficient Shift Registers, LFSR Counters, and Long Pseudo-Random Sequence
  Generators*, Xilinx XAPP 052 (1996). Inserting the all-zero state: N. G. de Bruijn (1946); in
  hardware, one NOR over the low n - 1 bits.
- van der Corput: J. G. van der Corput (1935), base 2: the bit-reversed counter.
- Sobol direction numbers: S. Joe and F. Y. Kuo, *Constructing Sobol sequences with better
  two-dimensional projections*, SIAM J. Sci. Comput. 30 (2008).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract, isclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationError,
    model_validator,
)

from .errors import BitrainError, plain

MIN_WIDTH = 2
MAX_WIDTH = 16

LFSR_TAPS: dict[int, tuple[int, ...]] = {
    2: (2, 1),
    3: (3, 2),
    4: (4, 3),
    5: (5, 3),
    6: (6, 5),
    7: (7, 6),
    8: (8, 6, 5, 4),
    9: (9, 5),
    10: (10, 7),
    11: (11, 9),
    12: (12, 6, 4, 1),
    13: (13, 4, 3, 1),
    14: (14, 5, 3, 1),
    15: (15, 14),
    16: (16, 15, 13, 4),
}
"""Exponents of one primitive polynomial per width (the constant term is implied)."""

_SOBOL: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (1, 0, (1,)),
    (2, 1, (1, 3)),
    (3, 1, (1, 3, 1)),
    (3, 2, (1, 1, 1)),
    (4, 1, (1, 1, 3, 3)),
    (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)),
)
"""Joe-Kuo (degree s, coefficients a, initial numbers m) for dimensions 2, 3, …"""

MAX_SOBOL_DIMENSION = len(_SOBOL) + 1


class NumberSequence(BaseModel, ABC, frozen=True):
    """What all kinds share: a width in bits and the state at cycle 0.

    A kind of one's own has a field ``kind``, a literal with its name as default, and perhaps
    options; :func:`register_sequence` makes it known.
    """

    model_config = ConfigDict(extra="forbid")

    if TYPE_CHECKING:
        kind: str  # a literal of each class

    width: int = Field(ge=MIN_WIDTH, le=MAX_WIDTH)
    """Bits n; the period is 2^n."""
    seed: int = Field(default=0, ge=0)
    """State (LFSR) or count (the other kinds) at cycle 0, below 2^n."""

    @model_validator(mode="after")
    def _check(self):
        if self.seed >= 1 << self.width:
            raise ValueError(f"seed {self.seed} needs more than {self.width} bits")
        self.check()
        return self

    def check(self) -> None:
        """Raise ValueError unless a period has every value once."""
        try:
            values = np.array([*self.period()])
        except Exception as error:  # it may be the user's program
            raise ValueError(f"{type(self).__qualname__}.period: {error}") from error
        if values.dtype.kind not in "iu" or sorted(values) != list(range(1 << self.width)):
            raise ValueError(f"a period of {self} does not have each of 2^{self.width} values once")

    @property
    def values(self) -> np.ndarray:
        """One period, shape (2^n,), uint16; read-only."""
        return _values(self)

    @abstractmethod
    def period(self) -> Iterable[int]:
        """The values in order, from cycle 0."""


_kinds: dict[str, type[NumberSequence]] = {}
Kind = TypeVar("Kind", bound=type[NumberSequence])


def register_sequence(sequence: Kind) -> Kind:
    """Make a kind of sequence known by the name in its field ``kind``; a decorator for classes.

    An installed package can name its class as an entry point of ``bitrain.sequences`` instead.
    Raises :class:`BitrainError` for a name that is taken.
    """
    if not (isclass(sequence) and issubclass(sequence, NumberSequence)) or isabstract(sequence):
        raise BitrainError(
            f"{getattr(sequence, '__qualname__', sequence)}: expected a subclass of NumberSequence "
            "with a period, or of CounterSequence with columns"
        )
    field = sequence.model_fields.get("kind")
    kind: str = field.default if field else ""
    if field is None or get_args(field.annotation) != (kind,):
        raise BitrainError(
            f"{sequence.__qualname__}: expected a field 'kind', a Literal with its name as default"
        )
    if _kinds.setdefault(kind, sequence) is not sequence:
        raise BitrainError(f"{sequence.__qualname__}: a sequence of kind {kind!r} is there already")
    return sequence


def find_sequence(kind: str) -> type[NumberSequence]:
    """The class of a kind; :class:`BitrainError` if nothing registered it."""
    if kind not in _kinds:
        installed = entry_points(group="bitrain.sequences")
        for entry in installed.select(name=kind):
            _load(entry)
        if kind not in _kinds:
            names = ", ".join(dict.fromkeys((*_kinds, *installed.names)))
            raise BitrainError(
                f"no sequence is called {kind!r}; there are {names}, and those of packages that "
                "are installed or imported (docs/extending.md)"
            )
    return _kinds[kind]


def _load(entry: EntryPoint) -> None:
    try:
        found = register_sequence(entry.load())
        if (kind := found.model_fields["kind"].default) != entry.name:
            raise BitrainError(f"its kind is {kind!r}; call the entry point so too")
    except (Exception, SystemExit) as error:  # whatever another package does when it is imported
        raise BitrainError(
            f"entry point {entry.name} = {entry.value} of bitrain.sequences: {error}"
        ) from error


@register_sequence
class Lfsr(NumberSequence, frozen=True):
    """Fibonacci LFSR with the all-zero state inserted (a de Bruijn cycle of 2^n states).

    next = (state << 1 | feedback) mod 2^n, where
    feedback = XOR of state bits (t - 1) for t in taps, XOR (low n - 1 bits are all zero).
    """

    kind: Literal["lfsr"] = "lfsr"
    taps: tuple[int, ...] = ()
    """Exponents of the feedback polynomial; empty selects the table's."""

    @model_validator(mode="before")
    @classmethod
    def _default_taps(cls, data):
        if isinstance(data, dict) and not data.get("taps") and data.get("width") in LFSR_TAPS:
            return {**data, "taps": LFSR_TAPS[data["width"]]}
        return data

    def check(self) -> None:
        """Raise ValueError unless ``taps`` are a primitive polynomial."""
        if any(not 1 <= tap <= self.width for tap in self.taps) or self.width not in self.taps:
            raise ValueError(f"taps {self.taps} must lie in 1 … {self.width} and hold {self.width}")
        if len(np.unique(self.values)) != 1 << self.width:
            raise ValueError(f"taps {self.taps} are not a primitive polynomial: period too short")

    def period(self) -> Iterator[int]:
        """States from ``seed`` on."""
        state, mask = self.seed, (1 << self.width) - 1
        for _ in range(1 << self.width):
            yield state
            feedback = state & mask >> 1 == 0
            for tap in self.taps:
                feedback ^= state >> (tap - 1) & 1
            state = (state << 1 | feedback) & mask


class CounterSequence(NumberSequence, frozen=True):
    """A counter seen through a GF(2) matrix: value = XOR of ``columns()[i]`` for set count bits."""

    direction: Literal["up", "down"] = "up"

    @abstractmethod
    def columns(self) -> tuple[int, ...]:
        """Column i of the matrix: what bit i of the count contributes."""

    def period(self) -> np.ndarray:
        """Counts from ``seed`` on, through the matrix."""
        step = 1 if self.direction == "up" else -1
        count = (self.seed + step * np.arange(1 << self.width)) % (1 << self.width)
        return np.bitwise_xor.reduce(
            [(count >> i & 1) * column for i, column in enumerate(self.columns())]
        )


@register_sequence
class Ramp(CounterSequence, frozen=True):
    """The count itself."""

    kind: Literal["ramp"] = "ramp"

    def columns(self) -> tuple[int, ...]:
        """Identity: column i is 2^i."""
        return tuple(1 << i for i in range(self.width))


@register_sequence
class VanDerCorput(CounterSequence, frozen=True):
    """The bit-reversed count: every prefix is spread as evenly as can be."""

    kind: Literal["van_der_corput"] = "van_der_corput"

    def columns(self) -> tuple[int, ...]:
        """Bit reversal: column i is 2^(n - 1 - i)."""
        return tuple(1 << (self.width - 1 - i) for i in range(self.width))


@register_sequence
class Sobol(CounterSequence, frozen=True):
    """One dimension of a Sobol sequence, in natural (not Gray code) order."""

    kind: Literal["sobol"] = "sobol"
    dimension: int = Field(default=2, ge=1, le=MAX_SOBOL_DIMENSION)
    """1 is van der Corput."""

    def columns(self) -> tuple[int, ...]:
        """Direction numbers of the dimension: column i is m_i · 2^(n - 1 - i), m_i odd."""
        if self.dimension == 1:
            return VanDerCorput(width=self.width).columns()
        degree, a, initial = _SOBOL[self.dimension - 2]
        m = list(initial)
        for i in range(degree, self.width):
            value = m[i - degree] ^ (m[i - degree] << degree)
            for j in range(1, degree):
                if a >> (degree - 1 - j) & 1:
                    value ^= m[i - j] << j
            m.append(value)
        return tuple(m[i] << (self.width - 1 - i) for i in range(self.width))


def _of_its_kind(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    try:
        return find_sequence(str(data.get("kind"))).model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in first["loc"])
        raise ValueError(where + plain(first)) from error


Sequence = Annotated[SerializeAsAny[NumberSequence], BeforeValidator(_of_its_kind)]
"""Any kind of sequence, told apart by ``kind``."""


@lru_cache(maxsize=256)
def _values(sequence: NumberSequence) -> np.ndarray:
    """Kept here, not in the sequence: comparing sequences must not compare arrays."""
    values = np.fromiter(sequence.period(), np.uint16)
    values.setflags(write=False)
    return values
