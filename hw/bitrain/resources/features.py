"""What the resources of each block follow: sums of products of an accelerator's sizes.

P, Q, N and W are those of the array; n bits are a number, S a score, A an address, B a weight, and
D the bits of a layer's descriptor. A block's LUTs and flip-flops are sums of its features, each
times a coefficient that is fitted (``calibrate``).
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bitrain.accelerator import Engines
from bitrain.gen.families.family import Device
from bitrain.gen.families.fit import MemoryNeed, memory_needs
from bitrain.program import AcceleratorConfig, Program, Sharing
from bitrain.rtl.array.dsp_multiplier import factors_of_block
from bitrain.spec import Network

Features = dict[str, dict[str, float]]
"""Features of each block."""

BLOCKS = (
    ("activation_sngs", "SNGs"),
    ("weight_sngs", "SNGs"),
    ("planes", "SNGs"),
    ("population_count", "population counts"),
    ("multiplier", "multipliers"),
    ("array", "accumulators"),
    ("operands", "operands"),
    ("buffer", "operands"),
    ("weight_buffer", "weight buffer"),
    ("loader", "loader"),
    ("control", "loader"),
    ("negative_weights", "loader"),
    ("writeback", "output stage"),
    ("arg_max", "scores"),
    ("score_margin", "scores"),
    ("ladder", "scores"),
    ("scores", "scores"),
    ("activations", "activation RAM"),
    ("registers", "ports"),
    ("guard", "ports"),
    ("engine", "engine"),
)
"""Parts of a path and the block that they are of; the last part that is listed decides."""
OTHER = "ports"


def block_of(path: str) -> str:
    """The block of an instance."""
    names = dict(BLOCKS)
    for part in reversed(path.split(".")):
        name = part.rstrip("#$_")
        if name in names:
            return names[name]
    return OTHER


Needs = list[list[MemoryNeed]]
"""Memories of each engine."""


def needs_of(engines: Engines, device: Device) -> Needs:
    """The memories of an accelerator on a device."""
    return [memory_needs(program, device) for program in engines.programs]


def features(engines: Engines, needs: Needs) -> Features:
    """Features of all blocks of an accelerator, its engines together."""
    found: Features = defaultdict(lambda: defaultdict(float))
    for program, memories in zip(engines.programs, needs, strict=True):
        for block, values in _of_engine(program, memories).items():
            for name, value in values.items():
                found[block][name] += value
    for name, value in _ports(engines.config, engines.programs).items():
        found["ports"][name] += value
    return {block: dict(values) for block, values in found.items()}


def _of_engine(program: Program, needs: Sequence[MemoryNeed]) -> Features:
    array, network = program.array, program.network
    p, q, n_lanes, w = array.channels, array.positions, array.lanes, array.width
    bits, neurons, gates = network.bits, array.neurons, array.multipliers
    score, address, weight = program.score_bits, program.address_bits, program.weight_bits
    activation, count = program.activation_bits, program.count_bits
    descriptor = sum(program.field_widths.values())
    operand = w * (p * weight + q * activation)
    lane_bits = n_lanes.bit_length()
    exact, counted = not array.rules.has_streams, array.rules.counts_bits
    serial = exact and counted
    found: Features = {
        "operands": {
            "words": operand,
            "held": n_lanes * (p * weight + q * activation),
            "padding": w * q * activation,
            "rotated": w.bit_length() * w * q * activation * (w > 1),
        },
        "loader": {
            "one": 1,
            "addresses": q * address,
            "address": address,
            "descriptor": descriptor,
            "lanes": w * q,
            "words": w * q * (w > 1),
            "shorter": program.run_time_length,
            "zeros": program.skip_zeros * q * w,
            "negatives": (program.negative_bits > 0) * p,
        },
        "output stage": {
            "one": 1,
            "scores": w * score,
            "descriptor": descriptor,
            "address": address * w,
            "pooled": p * activation,
            "leaving": neurons * count,
            "shifted": w * score * score.bit_length(),
            "shortcut": program.has_shortcut * w * score,
            "shorter": program.run_time_length * w * score,
        },
        "scores": {
            "one": 1,
            "score": score,
            "scores": w * score * (w > 1),
            "terminates": program.early_termination * score,
        },
        "engine": {
            "one": 1,
            "descriptor": descriptor,
            "address": address * w,
            "words": w * q,
        },
    }
    kinds = {
        "stochastic": "streams",
        "bitserial": "serial",
        "binary": "dsp" if array.dsp else "binary",
    }
    kind = kinds[array.arithmetic]
    found["accumulators"] = {
        f"{kind} counts": neurons * count,
        f"{kind} neurons": neurons,
        f"{kind} increments": neurons * lane_bits,
        f"{kind} gates": gates,
    }
    if exact:
        found["accumulators"] |= {f"{kind} bits": neurons * bits, f"{kind} added": gates * bits}
    if counted:
        inputs = n_lanes // network.or_lanes
        found["population counts"] = {
            "full adders": neurons * (inputs - inputs.bit_length()),
            "neurons": neurons,
            "serial neurons": neurons * serial,
            "ored": gates * (network.or_lanes > 1),
            "pipelined": gates * array.pipelined,
        }
    else:
        found["multipliers"] = {
            f"{kind} products": gates * bits * bits,
            f"{kind} bits": gates * bits,
            f"{kind} gates": gates,
            f"{kind} operands": (p + q) * n_lanes * bits,
        }
    if serial:
        found["SNGs"] = {"chosen": (p + q) * n_lanes * bits, "lanes": (p + q) * n_lanes, "one": 1}
    elif counted:
        found["SNGs"] = _of_sngs(network, p * n_lanes, q * n_lanes)
    if program.weights_streamed:
        found["weight buffer"] = {
            "one": 1,
            "word": program.weight_word_bits,
            "beat": program.weight_beat,
        }
    for need in needs:
        block = {"activations": "activation RAM", "scores": "scores"}.get(need.name, "engine")
        if need.name == "weights" and program.weights_streamed:
            block = "weight buffer"
        if need.name == "activations" and w == 1:  # a module of its own where there are banks
            block = "engine"
        values = found.setdefault(block, {})
        for part in need.mapped:
            read = part.multiplexed
            if part.use == "logic":
                kind = "register bits" if need.written else "constant bits"
                stored = need.banks * need.depth * need.varying
                values[kind] = values.get(kind, 0) + stored
                read = need.written * need.reads * need.depth * need.varying
            values["multiplexed"] = values.get("multiplexed", 0) + need.banks * read
    return found


def _of_sngs(network: Network, weights: int, activations: int) -> dict[str, float]:
    """SNGs of so many numbers of weights and of activations."""
    bits, ored = network.bits, network.or_lanes > 1
    found: dict[str, float] = {"bits": bits}
    for bank, name, count in (
        (network.activation_bank, "activations", activations),
        (network.weight_bank, "weights", weights),
    ):
        if bank.generator == "multiplexer":
            found |= {f"multiplexed {name}": count * (1 << bits) / 8, "multiplexers": count}
        else:
            found |= {f"compared {name}": count * bits, f"comparators of {name}": count}
            found[f"ored {name}"] = count * bits * ored
    return found


def unshared_sngs(engines: Engines) -> dict[str, float]:
    """Features of the SNGs that arrays have beyond shared ones, and bits of their sources.

    None of samples, which are all of shared SNGs.
    """
    found = dict[str, float]()
    for program in engines.programs:
        array, network = program.array, program.network
        if array.sharing is Sharing.SHARED or not array.rules.has_streams:
            continue
        p, q, lanes = array.channels, array.positions, array.lanes
        shared = _of_sngs(network, p * lanes, q * lanes)
        every = _of_sngs(network, p * q * lanes, p * q * lanes)
        more = {name: every[name] - shared[name] for name in every}
        more["sources"] = 2 * (p * q - 1) * network.bits
        found = {name: found.get(name, 0) + value for name, value in more.items()}
    return found


def _ports(config: AcceleratorConfig, programs: tuple[Program, ...]) -> Mapping[str, float]:
    first, last = programs[0], programs[-1]
    axi = config.interface.is_axi
    return {
        "one": 1,
        "axi": axi,
        "axi, weights": axi * first.weights_writable,
        "axi, lengths": axi * first.run_time_length,
        "axi, exits": axi * config.early_termination,
        "address": first.address_bits,
        "score": last.score_bits,
        "engines": len(programs) - 1,
    }


def ram_luts(needs: Needs, device: Device) -> int:
    """LUT sites of distributed RAM."""
    sites = max((n for use, n in device.family.cells.values() if use == "ram_lut"), default=0)
    cells = [
        need.banks * part.cells
        for memories in needs
        for need in memories
        for part in need.mapped
        if part.use == "ram_lut"
    ]
    return sites * sum(cells)


def dsp_blocks(engines: Engines, device: Device) -> int:
    """DSP blocks: of multipliers that are meant for them, and of the gains of shortcuts."""
    if not device.capacity.dsp:
        return 0
    count = 0
    for program in engines.programs:
        array = program.array
        count += program.has_shortcut * program.width
        if array.dsp:
            blocks = -(-array.channels // factors_of_block(program.network.bits))
            count += blocks * array.positions * array.lanes
    return count


def clock_features(engines: Engines, needs: Needs, lut: float) -> dict[str, float]:
    """What the period follows, of the largest engine."""
    found: dict[str, float] = {}
    for program, memories in zip(engines.programs, needs, strict=True):
        array = program.array
        values = {
            "one": 1,
            "size": math.log2(max(2, lut)),
            "lanes": array.lanes.bit_length() * (not array.pipelined),
            "pipelined": array.pipelined,
            "score": program.score_bits,
            "width": array.width.bit_length() - 1,
            "descriptor": math.log2(sum(program.field_widths.values())),
            "address": program.address_bits,
            "bits": program.network.bits,
            "dsp": array.dsp,
            "binary": array.arithmetic == "binary",
            "blocks": math.log2(1 + max(need.blocks for need in memories)),
            "shorter": program.run_time_length,
            "zeros": program.skip_zeros,
            "rows": max(math.log2(_rows(need)) for need in memories),
        }
        found = {name: max(found.get(name, 0.0), float(value)) for name, value in values.items()}
    return found


def _rows(need: MemoryNeed) -> int:
    """Cells one of which is chosen by a memory's upper address bits."""
    return max(1 + part.multiplexed // max(1, need.varying * need.reads) for part in need.mapped)
