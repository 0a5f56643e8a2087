"""Search for a pair of stream sources: random draws, then coordinate moves from the best of them.

A pair is judged by a function, so that nothing here knows what is minimised. Several starts guard
against local minima.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import numpy as np

from bitrain.nn import ScConfig, StreamSource
from bitrain.nn.config import Wiring
from bitrain.spec import SngBank
from bitrain.spec.bank import Generator
from bitrain.spec.polynomial import primitive_taps
from bitrain.spec.sequence import MAX_SOBOL_DIMENSION

CLIMBS = 4
"""Draws that coordinate moves start from; they share half of the budget."""

_DIRECTIONS = ("up", "down")
_WIRINGS = get_args(Wiring)
_GENERATORS = get_args(Generator)


class Sources(NamedTuple):
    """Where the two banks of a network come from."""

    activation: StreamSource
    weight: StreamSource

    def num_wirings(self, num_lanes: int) -> int:
        """Different lane wirings, the larger of both banks: 1 is the greatest sharing."""
        return max(1 if s.wiring == "identical" else s.period or num_lanes for s in self)


DEFAULT_SOURCES = Sources(ScConfig().activation_source, ScConfig().weight_source)


class Space:
    """All sources for ``bits`` bits and ``num_lanes`` lanes: what each option can be, by kind."""

    def __init__(self, bits: int, num_lanes: int):
        self.periods = periods(num_lanes)
        common = {
            "seed": range(1 << bits),
            "generator": _GENERATORS,
            "wiring": _WIRINGS,
            "period": self.periods,
        }
        counter = {**common, "direction": _DIRECTIONS}
        self.options: dict[str, dict[str, Any]] = {
            "lfsr": {**common, "taps": primitive_taps(bits)},
            "ramp": counter,
            "sobol": {**counter, "dimension": range(2, MAX_SOBOL_DIMENSION + 1)},
            "van_der_corput": counter,
        }

    def draw(self, rng: np.random.Generator) -> StreamSource:
        """Any source."""
        kind = _pick(rng, tuple(self.options))
        values = {name: _pick(rng, values) for name, values in self.options[kind].items()}
        return self._source(kind=kind, **values)

    def move(self, rng: np.random.Generator, source: StreamSource) -> StreamSource:
        """The source with one option drawn anew; another kind is another source."""
        options = self.options[source.kind]
        name = _pick(rng, ("kind", *options))
        if name == "kind":
            return self.draw(rng)
        values = source.model_dump(include={"kind", *options})
        return self._source(**{**values, name: _pick(rng, options[name])})

    def _source(self, **values) -> StreamSource:
        # One spelling for what is the same: it is tried once and read easily.
        if values["wiring"] == "identical" or values["period"] == self.periods[-1]:
            values["period"] = None
        if values["period"] == 1:
            values.update(wiring="identical", period=None)
        if values.get("direction") == "up":
            values["direction"] = None
        return StreamSource(**values)


def search_sources(
    error: Callable[[Sources], float],
    space: Space,
    starts: list[Sources],
    *,
    budget: int,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> dict[Sources, float]:
    """Errors of the pairs tried, least first: the ``starts`` and at most ``budget`` others.

    error: of a pair, inf where it must not be used. progress: called ``budget`` times at most. The
    same ``seed`` tries the same pairs.
    """
    rng = np.random.default_rng(seed)
    errors = {pair: error(pair) for pair in starts}

    def try_pair(pair: Sources) -> Sources:
        progress()
        if pair not in errors:
            errors[pair] = error(pair)
        return pair

    draws = (budget + 1) // 2
    for _ in range(draws):
        try_pair(Sources(space.draw(rng), space.draw(rng)))
    for best in sorted(errors, key=errors.__getitem__)[:CLIMBS]:
        top = best
        for _ in range((budget - draws) // CLIMBS):
            bank = "activation" if rng.integers(2) else "weight"
            moved = space.move(rng, getattr(top, bank))
            there = try_pair(top._replace(**{bank: moved}))
            if errors[there] < errors[top]:
                top = there
    return dict(sorted(errors.items(), key=lambda item: item[1]))


def periods(num_lanes: int) -> list[int]:
    """Numbers of different lane wirings worth trying: 1, 2, 4, … and all."""
    return [*(1 << i for i in range((num_lanes - 1).bit_length())), num_lanes]


def source_of(bank: SngBank) -> StreamSource | None:
    """The source whose bank this is, None where the wiring is of another kind."""
    sequence, num_lanes = bank.sequence, len(bank.lanes)
    options = sequence.model_dump(exclude={"width"})
    if options.get("direction") == "up":
        del options["direction"]
    for period in (None, *periods(num_lanes)[1:-1]):
        for wiring in _WIRINGS:
            source = StreamSource(**options, generator=bank.generator, wiring=wiring, period=period)
            if source.bank(sequence.width, num_lanes) == bank:
                return source
    return None


def _pick(rng: np.random.Generator, values) -> Any:
    return values[int(rng.integers(len(values)))]
