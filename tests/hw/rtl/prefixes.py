"""Networks whose prefixes run on one engine, and what the engine makes of a prefix."""

from networks import random_network, residual_network

from bitrain.program import Array, Program
from bitrain.spec import Network

ARRAY = Array(channels=2, positions=2, lanes=4)
NETWORKS = [
    random_network(0, bits=4, lanes=2),
    random_network(3, bits=6, lanes=2, length=32),
    residual_network(2, bits=5, lanes=2),
]


def at_full_scale(program: Program, prefix: Network) -> Program:
    """The prefix's own program, with the constant shift of the engine that runs all prefixes."""
    found = Program(prefix, ARRAY, run_time_length=True)
    found.__dict__["left_shift"] = program.left_shift
    return found
