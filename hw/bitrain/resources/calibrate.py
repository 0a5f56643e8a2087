"""Fitting the resource model to samples.

Each block's LUTs and flip-flops are fitted to those of netlists whose hierarchy is kept, and the
blocks' parts in the whole to flattened ones, in two steps: a flattened netlist does not say which
block a LUT is of. Coefficients are not negative, and relative errors count.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
from sklearn.linear_model import LinearRegression

from bitrain.gen.families.devices import find_device

from .features import block_of, clock_features, features, needs_of, ram_luts
from .model import COUNTED, RESOURCES, Coefficients, Errors, ResourceModel
from .samples import Sample

_LEAST = 20.0
"""LUTs or flip-flops below which errors of a block do not count in full."""
_PRIOR = 0.15
"""How firmly a block's part in a flattened netlist is held at that of all."""


def fit(samples: Sequence[Sample], held_out: Sequence[Sample] = ()) -> ResourceModel:
    """The model of the samples of a device, with its errors on those that are held out.

    Without any, errors are those of the samples themselves.
    """
    device = find_device(samples[0].device)
    engines = [sample.drawn.compile() for sample in samples]
    needs = [needs_of(each, device) for each in engines]
    found = [features(*pair) for pair in zip(engines, needs, strict=True)]
    blocks: dict[str, dict[str, Coefficients]] = defaultdict(dict)
    for resource in ("lut", "ff"):
        by_block = [_by_block(sample, resource) for sample in samples]
        for block in sorted({block for each in by_block for block in each}):
            rows = [each.get(block, {}) for each in found]
            targets = [each.get(block, 0.0) for each in by_block]
            blocks[block][resource] = _fit(rows, targets, [max(_LEAST, t) for t in targets])
    model = ResourceModel(
        family=device.family.name,
        device=device.name,
        tools=samples[0].tools,
        samples=len(samples),
        most_multipliers=max(
            sum(program.array.multipliers for program in each.programs) for each in engines
        ),
        blocks=dict(blocks),
        totals={},
        period={},
        errors={},
    )
    rams = [ram_luts(each, device) for each in needs]
    totals: dict[str, Coefficients] = {}
    for name in ("lut", "routed_lut", "ff"):
        chosen = [i for i, sample in enumerate(samples) if getattr(sample, name) is not None]
        resource = "ff" if name == "ff" else "lut"
        rows = [model.by_block(found[i], resource) for i in chosen]
        targets = [getattr(samples[i], name) - (name != "ff") * rams[i] for i in chosen]
        totals[name] = _shrunk(rows, targets)
    clocked = [i for i, sample in enumerate(samples) if sample.clock_mhz]
    rows = [clock_features(engines[i], needs[i], samples[i].lut) for i in clocked]
    periods = [1e3 / (samples[i].clock_mhz or 1) for i in clocked]
    period = _fit(rows, periods, periods)
    model = model.model_copy(update={"totals": totals, "period": period})
    return model.model_copy(update={"errors": errors(model, held_out or samples)})


def errors(model: ResourceModel, samples: Sequence[Sample]) -> dict[str, Errors]:
    """Errors of the model on samples: relative, but for whole blocks."""
    device = find_device(model.device)
    found: dict[str, list[float]] = defaultdict(list)
    for sample in samples:
        estimate = model.predict(sample.drawn.compile(), device)
        for name in RESOURCES:
            predicted, measured = getattr(estimate, name), getattr(sample, name)
            if measured is None:  # it was not routed
                continue
            relative = name not in COUNTED
            found[name].append(abs(predicted - measured) / (measured if relative else 1))
    return {
        name: Errors(
            median=round(median(values), 4), worst=round(max(values), 4), count=len(values)
        )
        for name, values in found.items()
    }


def _by_block(sample: Sample, resource: str) -> dict[str, float]:
    """LUTs, without distributed RAM, or flip-flops of each block."""
    found: dict[str, float] = defaultdict(float)
    for path, taken in sample.blocks.items():
        parts = ("logic_lut", "carry_lut") if resource == "lut" else ("ff",)
        found[block_of(path)] += sum(taken.get(part, 0) for part in parts)
    return found


def _fit(
    rows: Sequence[Mapping[str, float]], targets: Sequence[float], scale: Sequence[float]
) -> Coefficients:
    """Coefficients of features with the least squared errors, each over its scale."""
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    weight = 1 / np.asarray(scale)
    largest = np.abs(matrix).max(0)
    largest[largest == 0] = 1
    regression = LinearRegression(fit_intercept=False, positive=True)
    regression.fit(matrix / largest * weight[:, None], np.asarray(targets) * weight)
    return _rounded(names, regression.coef_ / largest)


def _shrunk(rows: Sequence[Mapping[str, float]], targets: Sequence[float]) -> Coefficients:
    """A part of each block, all near to one that is fitted for all."""
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    weight = 1 / np.maximum(np.asarray(targets), _LEAST)
    share = float(
        median(target / sum(row.values()) for row, target in zip(rows, targets, strict=True))
    )
    relative = matrix * weight[:, None]
    firm = _PRIOR * np.sqrt((relative**2).sum(0).mean()) * np.eye(len(names))
    regression = LinearRegression(fit_intercept=False, positive=True)
    regression.fit(
        np.concatenate([relative, firm]),
        np.concatenate([np.asarray(targets) * weight, firm @ np.full(len(names), share)]),
    )
    return _rounded(names, regression.coef_)


def _rounded(names: Sequence[str], values: np.ndarray) -> Coefficients:
    """Coefficients without their last digits, which differ from processor to processor."""
    rounded = (float(f"{value:.6g}") for value in values)
    return {name: value for name, value in zip(names, rounded, strict=True) if value}
