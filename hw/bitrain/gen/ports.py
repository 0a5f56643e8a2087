"""Ports of the accelerator in Verilog, with what they mean."""

from dataclasses import dataclass

from amaranth.hdl import Shape
from amaranth.lib.wiring import Component, Flow

_MEANINGS = {
    "clk": "clock; everything happens at its rising edge",
    "rst": "reset, active high, synchronous; one cycle suffices",
    "pixels__payload": "activation 0 … 2^n of the image",
    "pixels__valid": "the payload is there",
    "pixels__ready": "the accelerator takes it at the next edge",
    "scores__payload": "score, two's complement; the most significant bit marks the last word",
    "scores__valid": "the payload is there",
    "scores__ready": "the receiver takes it at the next edge",
    "class_index": "index of the largest score (lowest of equals), valid from the first score word "
    "until the next image's last layer",
    "busy": "an image is being loaded, computed or sent",
    "cycles": "cycles from the last pixel to the first score, of this image or the last",
    "trace__valid": "debug: a layer stores an activation",
    "trace__layer": "debug: which layer",
    "trace__address": "debug: address in the activation RAM",
    "trace__data": "debug: the activation",
}


@dataclass(frozen=True, kw_only=True)
class Port:
    """A port of the Verilog module."""

    name: str
    direction: str
    """"in" or "out"."""
    width: int
    meaning: str


def list_ports(accelerator: Component) -> list[Port]:
    """Clock, reset and the ports of the signature, in its order."""
    ports = [("clk", "in", 1), ("rst", "in", 1)]
    for path, member, _ in accelerator.signature.flatten(accelerator):
        direction = "in" if member.flow == Flow.In else "out"
        ports.append(("__".join(map(str, path)), direction, Shape.cast(member.shape).width))
    return [
        Port(name=name, direction=direction, width=width, meaning=_MEANINGS[name])
        for name, direction, width in ports
    ]
