"""Ports of the accelerator in Verilog, with what they mean."""

import re
from dataclasses import dataclass

from amaranth.hdl import Shape
from amaranth.lib.wiring import Component, Flow

from bitrain.program import Interface

_LEVELS = {"high": "reset, active high, synchronous; one cycle suffices"}
_LEVELS["low"] = _LEVELS["high"].replace("high", "low")
_MEANINGS = {
    "pixels_payload": "activation 0 … 2^n of the image",
    "pixels_valid": "the payload is there",
    "pixels_ready": "the accelerator takes it at the next edge",
    "scores_payload": "score, two's complement; the most significant bit marks the last word",
    "scores_valid": "the payload is there",
    "scores_ready": "the receiver takes it at the next edge",
    "log_length": "log2 of the stream length, as the last pixel is taken; what lies beyond the "
    "lengths there are counts as the nearest",
    "s_axis_tdata": "activation 0 … 2^n of the image in the low bits; the others are ignored",
    "s_axis_tlast": "the last of a frame",
    "m_axis_tdata": "score, two's complement, sign extended",
    "m_axis_tlast": "the last of a frame",
    "weights_payload": "beat of weights; the most significant bit marks the last of a run",
    "weights_valid": "the payload is there",
    "weights_ready": "the accelerator takes it at the next edge",
    "weights_early": "for a cycle: a frame of weights ended early and was dropped",
    "weights_missing": "for a cycle: a frame of weights went on too long and was dropped",
    "s_axis_weights_tdata": "beat of weights",
    "s_axis_weights_tlast": "the last of a run",
    "class_index": "index of the largest score (lowest of equals), valid from the first score word "
    "until the next image's last layer",
    "busy": "an image is being loaded, computed or sent",
    "cycles": "cycles from the last pixel to the first score, of this image or the last",
    "lengths": "lengths of this image's runs, or the last's, added up",
    "trace_valid": "debug: a layer stores an activation",
    "trace_layer": "debug: which layer",
    "trace_address": "debug: address in the activation RAM",
    "trace_data": "debug: the activation",
}
_BEAT = "{width} activations 0 … 2^n of a row of the image, the first lowest"
_WIDE = {
    "pixels_payload": _BEAT,
    "s_axis_tdata": f"{_BEAT}, in whole bytes each; other bits are ignored",
    "trace_valid": "debug: a layer stores an activation in these of {width} banks",
    "trace_address": "debug: words of the activation RAM, of each bank",
    "trace_data": "debug: the activations, of each bank",
}
_BUSES = {"s_axis": "AXI4-Stream of images", "m_axis": "AXI4-Stream of scores"}
_BUSES["s_axil"] = "AXI4-Lite, the registers"


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of the Verilog module."""

    name: str
    direction: str
    """"in" or "out"."""
    width: int
    meaning: str


def list_ports(top: Component, interface: Interface, width: int = 1) -> list[Port]:
    """Clock, reset and the ports of the signature, in its order; ``width``: W of the array."""
    meanings = {
        interface.clock_name: "clock; everything happens at its rising edge",
        interface.reset_name: _LEVELS[interface.reset],
    }
    ports = {name: ("in", 1) for name in meanings}
    for path, member, _ in top.signature.flatten(top):
        direction = "in" if member.flow == Flow.In else "out"
        ports["__".join(map(str, path))] = (direction, Shape.cast(member.shape).width)
    return [
        Port(
            name=name,
            direction=direction,
            width=bits,
            meaning=meanings.get(name) or _meaning(name, width),
        )
        for name, (direction, bits) in ports.items()
    ]


def _meaning(name: str, width: int) -> str:
    bus, _, signal = name.rpartition("_")
    # Of one engine or several.
    plain = re.sub(r"^(trace|(?:s_axis_)?weights)\d+", r"\1", name.replace("__", "_"))
    if width > 1 and plain in _WIDE:
        return _WIDE[plain].format(width=width)
    if found := _MEANINGS.get(plain):
        return found
    of_weights = bus.startswith("s_axis_weights")
    return f"{'AXI4-Stream of weights' if of_weights else _BUSES[bus]}, {signal.upper()}"
