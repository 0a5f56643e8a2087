"""What an accelerator needs of the streams that its weights come on."""

from collections.abc import Iterable
from fractions import Fraction

from rich.console import Console
from rich.table import Table

from bitrain.accelerator import Engines
from bitrain.cost import WeightFeed, latency_fed
from bitrain.cost.weight_stream import bandwidths
from bitrain.program import Program

from .table import table_of

_DIGITS_OF_RATE = 1 << 20
"""Denominator of a rate in beats a cycle, or of its inverse, at most."""


def bandwidth_table(program: Program, frequency: float, where: str = "") -> Table:
    """Bits a cycle of each layer without waits (estimated); ``frequency`` in MHz."""
    title = f"Weight stream{where} at L = {program.longest}, without waits, estimated"
    columns = ("Mbit", "cycles", "bit a cycle", "peak", "Gbit/s", "peak")
    table = table_of(title, ["layer"], columns)
    found = bandwidths(program)
    for layer in found:
        rates = (layer.average, layer.peak)
        table.add_row(
            layer.name,
            f"{layer.bits / 1e6:.3f}",
            f"{layer.cycles:,}",
            *(f"{rate:.2f}" for rate in rates),
            *(_gigabits(rate, frequency) for rate in rates),
        )
    table.add_section()
    bits, cycles = (sum(getattr(each, name) for each in found) for name in ("bits", "cycles"))
    average, peak = bits / cycles, max(layer.peak for layer in found)
    table.add_row(
        "all",
        f"{bits / 1e6:.3f}",
        f"{cycles:,}",
        *(f"{rate:.2f}" for rate in (average, peak)),
        *(_gigabits(rate, frequency) for rate in (average, peak)),
    )
    return table


def print_bandwidths(
    engines: Engines,
    frequency: float,
    console: Console,
    *,
    bandwidth: float | None = None,
    prefixes: bool = False,
) -> None:
    """For each engine and length what its weight stream needs, and the cycles that come of it.

    bandwidth: Gbit/s that a stream has; by default a beat a cycle. prefixes: also of the lengths
    that the network could be generated for.
    """
    if not engines.weights_streamed:
        return
    for number, program in enumerate(engines.programs):
        where = f" of engine {number}" if engines.are_several else ""
        for each in _at_lengths(program, prefixes and not engines.are_several):
            console.print(bandwidth_table(each, frequency, where))
            engine = f"engine {number} by itself: " if engines.are_several else ""
            line = engine + _latency(each, frequency, bandwidth)
            console.print(line, soft_wrap=True, highlight=False)


def _at_lengths(program: Program, prefixes: bool) -> Iterable[Program]:
    if not prefixes or program.run_time_length or program.stream_layers:
        return program.prefix_programs.values()
    networks = program.array.rules.shorter(program.network).values()
    return [Program(network, program.array, **program.options) for network in networks]


def _latency(program: Program, frequency: float, bandwidth: float | None) -> str:
    beat, rate = program.weight_beat, Fraction(1)
    if bandwidth is not None:
        cycles_a_beat = Fraction(beat * frequency / (bandwidth * 1e3))
        rate = min(rate, 1 / cycles_a_beat.limit_denominator(_DIGITS_OF_RATE))
    cycles = latency_fed([program], WeightFeed(program, rate), taken=0)
    given = float(rate * beat)
    return (
        f"at {given:.4g} bit a cycle ({_gigabits(given, frequency)} Gbit/s at {frequency:g} MHz), "
        f"in beats of {beat}: {cycles:,} cycles from the last pixel to the first score"
    )


def _gigabits(rate: float, frequency: float) -> str:
    return f"{rate * frequency / 1e3:.3g}"
