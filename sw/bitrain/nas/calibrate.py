"""What a multiplication and a word of memory access cost in seconds, fitted to measured operations.

Every operation of the space is timed at several widths, sizes and strides, as it would be deployed:
batch norm folded, channels last. Then seconds = a multiplications + b words + c, with nothing
negative. How well that tells the time of operations that were not in the fit is compared with the
same fit without memory access.
"""

import itertools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch
from pydantic import Field
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from torch import nn

from bitrain.nn import best_device, torch_threads
from bitrain.profile.cost import model_cost
from bitrain.profile.latency import fold_batch_norm
from bitrain.runner.config import Section, read_json
from bitrain.spec import Shape

from .operations import OPERATIONS, build_operation

WIDTHS = (16, 32, 64)
SIZES = (8, 16, 32)
STRIDES = (1, 2)
FOLDS = 5


class Fit(Section):
    """How well a fit tells the seconds of operations that it has not seen."""

    r2: float
    """Share of the variance that it explains; up to 1."""
    rank_correlation: float
    """Spearman's."""


class Calibration(Section):
    """seconds = mac · multiplications + word · memory access + operation."""

    device: str
    batch_size: int
    measured: int
    """Operations that were timed."""
    mac: float = Field(ge=0)
    word: float = Field(ge=0)
    operation: float = Field(ge=0)
    both: Fit
    macs_alone: Fit

    @property
    def rates(self) -> tuple[float, float]:
        """For :class:`PenaltyConfig`."""
        return self.mac, self.word


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One operation, its costs for an image, and seconds for an image."""

    name: str
    macs: int
    memory_access: int
    seconds: float


Modules = Mapping[str, tuple[nn.Module, Shape]]
Timer = Callable[[Modules, int], dict[str, float]]
"""Modules with the shape of what they read, and a batch size, to seconds of a batch."""


def calibrate(
    *,
    widths: Sequence[int] = WIDTHS,
    sizes: Sequence[int] = SIZES,
    batch_size: int = 1,
    repeats: int = 15,
    timer: Timer | None = None,
) -> Calibration:
    """Time all operations at all widths (channels), sizes (rows) and strides, and fit."""
    modules: dict[str, tuple[nn.Module, Shape]] = {}
    for name, width, size, stride in itertools.product(OPERATIONS, widths, sizes, STRIDES):
        if name == "none" or (name == "skip" and stride == 1):
            continue  # nothing to compute
        module = build_operation(name, width, width, stride).eval()
        modules[f"{name}, {width} x {size} x {size} / {stride}"] = module, Shape(width, size, size)
    costs = {name: model_cost(*part) for name, part in modules.items()}
    seconds = (timer or _rounds(repeats))(modules, batch_size)
    samples = []
    for name, cost in costs.items():
        if cost.memory_access:  # a shortcut's zeros and strides are no counted access
            words, taken = cost.memory_access, seconds[name] / batch_size
            samples.append(Sample(name=name, macs=cost.macs, memory_access=words, seconds=taken))
    return fit_samples(samples, batch_size)


def _rounds(repeats: int) -> Timer:
    """Every module once in each round, so that a slow moment of the machine hits all alike."""

    @torch.no_grad()
    def measure(modules: Modules, batch_size: int) -> dict[str, float]:
        device, ready = best_device(), {}
        like = {"device": device, "memory_format": torch.channels_last}
        for name, (module, shape) in modules.items():
            images = torch.rand(batch_size, *shape).to(**like)
            ready[name] = fold_batch_norm(module).to(**like), images
        order, times = list(ready), {name: [] for name in ready}
        generator = random.Random(0)
        with torch_threads(1):
            for number in range(-2, repeats):  # two rounds to warm up
                generator.shuffle(order)
                for name in order:
                    module, images = ready[name]
                    start = _clock(device)
                    module(images)
                    seconds = _clock(device) - start
                    if number >= 0:
                        times[name].append(seconds)
        return {name: median(own) for name, own in times.items()}

    return measure


def _clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.thread_time()  # other programs do not count


def fit_samples(samples: Sequence[Sample], batch_size: int = 1) -> Calibration:
    """Non-negative least squares of seconds, and how well it holds for operations left out."""
    costs = np.array([[sample.macs, sample.memory_access] for sample in samples], float)
    seconds = np.array([sample.seconds for sample in samples])
    scale = costs.max(0)
    # The time of an operation is a third part, so that it is not negative either.
    parts = np.column_stack([costs / scale, np.ones(len(costs))])
    *rates, operation = _FIT.fit(parts, seconds).coef_
    mac, word = rates / scale
    device = best_device()
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return Calibration(
        device=gpu or "CPU, one thread",
        batch_size=batch_size,
        measured=len(samples),
        mac=mac,
        word=word,
        operation=float(operation),
        both=_held_out(parts, seconds),
        macs_alone=_held_out(parts[:, [0, 2]], seconds),
    )


_FIT = LinearRegression(positive=True, fit_intercept=False)


def _held_out(parts: np.ndarray, seconds: np.ndarray) -> Fit:
    folds = KFold(min(FOLDS, len(seconds)), shuffle=True, random_state=0)
    predicted = np.asarray(cross_val_predict(_FIT, parts, seconds, cv=folds))
    ranks = np.corrcoef(_ranks(predicted), _ranks(seconds))[0, 1]
    return Fit(r2=r2_score(seconds, predicted), rank_correlation=ranks)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, equal values share the mean of theirs."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[which]


def read_calibration(path: Path) -> Calibration:
    """A file that ``bitrain search calibrate`` wrote; :class:`BitrainError` if it is none."""
    problem = f"calibration {path}: not a file of bitrain search calibrate"
    return read_json(path, Calibration, problem)
