"""Cycles of the accelerator for a float network, and rules that save them."""

import itertools
import math
from collections.abc import Sequence

from torch import nn

from bitrain.cost import estimate
from bitrain.frontend import read_chain
from bitrain.models import BlockSpec
from bitrain.nn import ScConfig, ScModel
from bitrain.profile.cost import model_cost
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, Shape

from .plan import Rule
from .student import Student, specs_of

WIDTHS = (1.0, 0.75, 0.5, 0.375, 0.25)
"""Shares of a stage's output channels that are tried."""
RUNS = ("conv", "residual", "bottleneck", "dense", "separable", "linear")
"""Kinds that the accelerator can run."""

_Choice = tuple[str, float]
"""Kind and width of a block."""


def sc_cycles(
    model: nn.Sequential, in_shape: Shape, config: ScConfig | None, array: Array
) -> int | None:
    """Cycles per image on ``array``, estimated; None where the accelerator cannot run the model."""
    try:
        chain = read_chain(model, in_shape)
    except BitrainError:
        return None
    network = ScModel(chain, config or ScConfig()).to_network("cycles")
    return estimate(Program(network, array)).latency


def propose_rules(
    teacher: nn.Sequential, in_shape: Shape, config: ScConfig, array: Array, budget: float
) -> tuple[Rule, ...]:
    """Rules for a student of at most ``budget`` times the teacher's cycles on ``array``.

    Greedy: of all single changes (a block becomes a convolution, a stage becomes narrower) the one
    is taken that saves most cycles for each halving of the parameters of what it changes, until
    the budget is met. Blocks of no known kind become residual blocks first (the one that reads the
    image a convolution); where the accelerator cannot run the teacher, the budget is a share of the
    cycles of that network.
    Raises :class:`BitrainError` where the budget cannot be met.
    """
    specs = specs_of(teacher)
    # A shortcut from the image does not run.
    choices: list[_Choice] = [
        (spec.kind if spec.kind in RUNS else "residual" if index else "conv", 1.0)
        for index, spec in enumerate(specs)
    ]
    cost = _cost(teacher, in_shape, choices, config, array)
    if cost is None:
        try:
            read_chain(_student(teacher, in_shape, choices), in_shape)
        except BitrainError as error:
            raise BitrainError(
                "the accelerator cannot run the teacher, nor the teacher with residual blocks for "
                f"those of no known kind ({error}); write the rules for blocks yourself, beginning "
                "with that one"
            ) from error
    assert cost is not None
    whole = sc_cycles(teacher, in_shape, config, array) or cost[0]
    limit = budget * whole
    # The last block gives the scores.
    stages = [
        list(group)
        for _, group in itertools.groupby(range(len(specs) - 1), lambda i: specs[i].out_channels)
    ]
    while cost[0] > limit:
        best: tuple[float, list[_Choice], tuple[int, int]] | None = None
        for changed in _changes(choices, stages):
            found = _cost(teacher, in_shape, changed, config, array)
            if found is None or found[0] >= cost[0]:
                continue
            halvings = max(math.log2(cost[1] / found[1]), 1e-3)
            gain = (cost[0] - found[0]) / halvings
            if best is None or gain > best[0]:
                best = gain, changed, found
        if best is None:
            raise BitrainError(
                f"no student within {budget:g} of the teacher's cycles was found; {cost[0]:,} of "
                f"{whole:,} is the least; ask for a larger share"
            )
        _, choices, cost = best
    return _rules(specs, choices)


def _rules(specs: Sequence[BlockSpec], choices: list[_Choice]) -> tuple[Rule, ...]:
    """Those that make the choices of blocks of these descriptions."""
    return tuple(
        Rule(blocks=(index,), to=kind, width=width)
        for index, (kind, width) in enumerate(choices)
        if (kind, width) != (specs[index].kind, 1.0)
    )


def _changes(choices: list[_Choice], stages: list[list[int]]) -> list[list[_Choice]]:
    """All choices that differ from these in one step."""
    found = []
    for stage in stages:
        width = choices[stage[0]][1]
        if narrower := [ratio for ratio in WIDTHS if ratio < width]:
            old = enumerate(choices)
            found.append([(kind, narrower[0] if i in stage else own) for i, (kind, own) in old])
        for i in stage:
            if choices[i][0] not in ("conv", "linear"):
                found.append([*choices[:i], ("conv", width), *choices[i + 1 :]])
    return found


def _cost(
    teacher: nn.Sequential, in_shape: Shape, choices: list[_Choice], config: ScConfig, array: Array
) -> tuple[int, int] | None:
    """Cycles and parameters of the student that these choices make; None if it cannot run."""
    try:
        model = _student(teacher, in_shape, choices)
    except BitrainError:
        return None
    cycles = sc_cycles(model, in_shape, config, array)
    return None if cycles is None else (cycles, model_cost(model, in_shape).parameters)


def _student(teacher: nn.Sequential, in_shape: Shape, choices: list[_Choice]) -> nn.Sequential:
    """With new weights; :class:`BitrainError` where blocks do not fit together."""
    rules = _rules(specs_of(teacher), choices)
    student = Student(teacher, in_shape, {rule.blocks[0]: rule for rule in rules})
    for rule in rules:
        student.replace(rule.blocks[0], rule, seed=0)
    return student.model()
