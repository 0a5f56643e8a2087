"""Small netlists as Yosys writes them."""

from typing import Any


def module(cells: dict[str, tuple[str, dict[str, int]]], **ports: list[int]) -> dict[str, Any]:
    """A flat module: for each cell its type and the net at each pin, for each port its nets."""
    return {
        "cells": {
            name: {"type": kind, "connections": {pin: [net] for pin, net in nets.items()}}
            for name, (kind, nets) in cells.items()
        },
        "ports": {name: {"bits": bits} for name, bits in ports.items()},
    }
