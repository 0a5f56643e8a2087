"""What the resources of each block follow: sums of products of an accelerator's sizes.

P, Q, N and W are those of the array; n bits are a number, S a score, A an address, B a weight, and
D the bits of a layer's descriptor. A block's LUTs and flip-flops are sums of its features, each
times a coefficient that is fitted (``calibrate``).
"""

import math
from collections import defaultdict
from collections.abc import Mapping

from bitrain.accelerator import Engines
from bitrain.gen.families.family import Device
from bitrain.gen.families.fit import memory_needs
from bitrain.program import AcceleratorConfig, Program
from bitrain.rtl.array.dsp_multiplier import factors_of_block

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


def features(engines: Engines, device: Device) -> Features:
    """Features of all blocks of an accelerator, its engines together."""
    found: Features = defaultdict(lambda: defaultdict(float))
    for program in engines.programs:
        for block, values in _of_engine(program, device).items():
            for name, value in values.items():
                found[block][name] += value
    for name, value in _ports(engines.config, engines.programs).items():
        found["ports"][name] += value
    return {block: dict(values) for block, values in found.items()}


def _of_engine(program: Program, device: Device) -> Features:
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
    if counted:
        found["population counts"] = {
            "gates": gates / network.or_lanes,
            "ored": gates * (network.or_lanes > 1),
            "neurons": neurons,
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
        kinds_of = {"comparator": 0, "multiplexer": 0}
        kinds_of[network.activation_bank.generator] += q * n_lanes
        kinds_of[network.weight_bank.generator] += p * n_lanes
        found["SNGs"] = {
            "compared": kinds_of["comparator"] * bits,
            "comparators": kinds_of["comparator"],
            "multiplexed": kinds_of["multiplexer"] * (1 << bits) / 8,
            "multiplexers": kinds_of["multiplexer"],
            "bits": bits,
        }
    if program.weights_streamed:
        found["weight buffer"] = {
            "one": 1,
            "word": program.weight_word_bits,
            "beat": program.weight_beat,
        }
    for need in memory_needs(program, device):
        block = {"activations": "activation RAM", "scores": "scores"}.get(need.name, "engine")
        if need.name == "weights" and program.weights_streamed:
            block = "weight buffer"
        values = found.setdefault(block, {})
        for part in need.mapped:
            values["multiplexed"] = values.get("multiplexed", 0) + need.banks * part.multiplexed
            if part.use == "logic":
                stored = need.banks * need.depth * need.varying
                values["memory bits"] = values.get("memory bits", 0) + stored
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


def ram_luts(engines: Engines, device: Device) -> int:
    """LUT sites of distributed RAM."""
    return sum(
        need.banks * part.cells
        for program in engines.programs
        for need in memory_needs(program, device)
        for part in need.mapped
        if part.use == "ram_lut"
    )


def dsp_blocks(engines: Engines, device: Device) -> int:
    """DSP blocks of multipliers that synthesis puts into them, on a device that has any."""
    if not device.capacity.dsp:
        return 0
    count = 0
    for program in engines.programs:
        array = program.array
        if array.dsp:
            blocks = -(-array.channels // factors_of_block(program.network.bits))
            count += blocks * array.positions * array.lanes
    return count


def clock_features(engines: Engines, device: Device, lut: float) -> dict[str, float]:
    """What the period follows, of the largest engine."""
    found: dict[str, float] = {}
    for program in engines.programs:
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
            "blocks": math.log2(1 + max(need.blocks for need in memory_needs(program, device))),
            "shorter": program.run_time_length,
            "zeros": program.skip_zeros,
        }
        found = {name: max(found.get(name, 0.0), float(value)) for name, value in values.items()}
    return found
