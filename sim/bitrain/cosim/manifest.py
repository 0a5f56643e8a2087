"""What the test bench must know of the accelerator's ports, registers and state."""

import re
from typing import Any

from bitrain.accelerator import Engines
from bitrain.host.registers import IDENTIFICATION, format_word, map_version, registers_of
from bitrain.host.weight_image import num_image_words
from bitrain.program.memory_map import beats

_RAW = {
    "pixel_data": "pixels__payload",
    "pixel_valid": "pixels__valid",
    "pixel_ready": "pixels__ready",
    "score_data": "scores__payload",
    "score_valid": "scores__valid",
    "score_ready": "scores__ready",
}
_AXI = {
    f"{role}_{kind}": f"{stream}_t{kind}"
    for role, stream in (("pixel", "s_axis"), ("score", "m_axis"))
    for kind in ("data", "valid", "ready", "last")
}
_BUS_INPUTS = ("awaddr", "awprot", "awvalid", "wdata", "wstrb", "wvalid", "bready")
_BUS_INPUTS += ("araddr", "arprot", "arvalid", "rready")
_BUS_OUTPUTS = ("awready", "wready", "bresp", "bvalid", "arready", "rdata", "rresp", "rvalid")

_MODULE = re.compile(r"^module (\S+?) ?\((.*?)^endmodule", re.M | re.S)
_ON_RESET = re.compile(
    r"^ *if \(rst\) begin\n((?: *\S+ +(?:\[[\d:]+\] +)?= [^\n]+;\n)+) *end\n", re.M
)
_SET = re.compile(r"^ *(\S+) += (\d+)'([dh])([0-9a-f]+);$", re.M)
_CLOCKED = re.compile(r"^ *(\S+) +<= (\S+) *;$", re.M)


def describe_ports(engines: Engines) -> dict[str, Any]:
    """Names of ports by what they are for, and at which level the reset is active."""
    interface = engines.config.interface
    separator = "_" if interface.is_axi else "__"
    traces = [
        {name: f"{trace}{separator}{name}" for name in ("valid", "layer", "address", "data")}
        for trace in engines.traces
    ]
    raw = not interface.is_axi
    has_length = engines.run_time_length and raw and not engines.early_termination
    return {
        "streams": interface.streams,
        "reset_level": int(interface.reset == "high"),
        "names": {
            "clock": interface.clock_name,
            "reset": interface.reset_name,
            **(_AXI if interface.is_axi else _RAW),
            **{name: name for name in ("class_index", "busy", "cycles")},
            **({"log_length": "log_length"} if has_length else {}),
        },
        "traces": traces,
        "weights": [_weight_pins(name, engines) for name in engines.weight_streams],
        "bus_inputs": [f"s_axil_{name}" for name in _BUS_INPUTS] * interface.is_axi,
        "bus_outputs": [f"s_axil_{name}" for name in _BUS_OUTPUTS] * interface.is_axi,
    }


def _weight_pins(name: str, engines: Engines) -> dict[str, str]:
    if engines.config.interface.is_axi:
        return {kind: f"s_axis_{name}_t{kind}" for kind in ("data", "valid", "ready", "last")}
    return {"data": f"{name}__payload", "valid": f"{name}__valid", "ready": f"{name}__ready"}


def pixel_bits(engines: Engines) -> int:
    """Bits of the image stream that a pixel takes: whole bytes on an AXI stream."""
    bits = engines.activation_bits
    return -(-bits // 8) * 8 if engines.config.interface.is_axi else bits


def describe_registers(engines: Engines) -> dict[str, Any]:
    """Addresses, and what they hold after reset, busy or not."""
    network, registers = engines.network, registers_of(engines)
    more: dict[str, int] = {}
    if engines.weights_writable:
        words = num_image_words(engines.programs[0])
        more |= {"WEIGHT_ADDRESS": 0, "WEIGHT_DATA": 0, "WEIGHT_WORDS": words}
    if engines.early_termination:
        shortest, exits = min(engines.prefixes), engines.programs[0].exits
        margin = exits[shortest] | 1 << 31 if shortest in exits else 0
        more |= {"LADDER_LENGTH": shortest, "LADDER_MARGIN": margin, "LENGTHS_RUN": 0}
    return {
        "offsets": {register.name: register.offset for register in registers},
        "constants": {
            "ID": IDENTIFICATION,
            "VERSION": map_version(registers),
            "STREAM_LENGTH": engines.longest,
            "SHORTEST": min(engines.prefixes),
            "PIXELS": beats(network.in_shape, engines.array.width),
            "SCORES": network.num_scores,
            "FORMAT": format_word(engines),
            **more,
        },
    }


def describe_state(verilog: str) -> dict[str, dict[str, int]]:
    """What a reset sets each register to, by module and name; ``verilog`` as Bitrain writes it."""
    state = {}
    for module in _MODULE.finditer(verilog):
        values = {
            name: int(digits, 16 if base == "h" else 10)
            for block in _ON_RESET.finditer(module[2])
            for name, _, base, digits in _SET.findall(block[1])
        }
        registers = {
            _plain(register): values[following]
            for register, following in _CLOCKED.findall(module[2])
            if following in values
        }
        if registers:
            state[_plain(module[1])] = registers
    return state


def _plain(name: str) -> str:
    return name.removeprefix("\\")
