"""Convert every foreign model, trained for a minute, and compare streams with real numbers.

`make zoo`: for each model the layers, the signal-to-noise ratio of the golden model's scores at
n = 8 against the float network's, that of the same numbers multiplied exactly, how often the
classes are the same, and the accuracies, on 200 images that neither training nor calibration saw.
The file is gone on with if it is there.
"""

import argparse
import json
import sys
import time
import warnings
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

import bitrain.convert
from bitrain import golden
from bitrain.spec import to_unipolar

from .digits import TEST_IMAGES, digits_of
from .foreign import FOREIGN

BITS, BATCH, RATE = 8, 32, 4e-3
STEPS, CALIBRATION = (1000, 400), (128, 64)
"""Of small models and of large ones. Training begins again until enough is learnt, each time with
less noise in the sums."""
LARGE = 3_500_000
"""Multiplications for an image."""
SEEN, LEARNT = 400, 0.97
"""Training images, and the share of them that must be told."""
NOISE, FIRST, SUMS_NOISE = 0.2, 0.25, (0.12, 0.06, 0.0)
"""Deviations of what training adds to pixels, and to the sums of a layer, for theirs: streams have
noise, and a network that has learnt with some bears it. The first of the latter can be chosen."""
DROPOUT = 0.1
"""Of activations at most: so short a training learns little with more."""


def trained(name: str, noise: float) -> tuple[nn.Module, Tensor, Tensor, float]:
    """A model of the zoo in evaluation mode, images, first those that it may have seen, labels.

    noise: of the sums at first; the last is what training ended with.
    """
    build, shape = FOREIGN[name]
    images, labels = digits_of(shape)
    model = build()
    share = noise
    for share in (noise, *SUMS_NOISE):
        torch.manual_seed(0)
        model = build().eval()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = min(module.p, DROPOUT)
        with scores_for_classes():
            labels %= _scores(model, images[:2]).shape[1]
            with NoisySums(share):
                steps = STEPS[is_large(model, images)]
                _train(model.train(), images[:-TEST_IMAGES], labels[:-TEST_IMAGES], steps)
            found = _scores(model.eval(), images[:SEEN])
        if (found.argmax(1) == labels[:SEEN]).float().mean() >= LEARNT:
            break
    return model, images, labels, share


class NoisySums(TorchFunctionMode):
    """Sums of convolutions and linear layers have noise, a share of their deviation."""

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def __torch_function__(self, func, types, args=(), kwargs=None):
        sums = func(*args, **(kwargs or {}))
        if func in (F.conv1d, F.conv2d, F.linear):
            sums = sums + self.share * sums.detach().std() * torch.randn_like(sums)
        return sums


def scores_for_classes() -> AbstractContextManager:
    """Networks that answer with a class answer with the scores, which have a gradient."""
    largest = torch.max

    def scores_twice(given: Tensor, *args: Any, **options: Any) -> Any:
        return (given, given) if given.dim() == 2 else largest(given, *args, **options)

    stack = ExitStack()
    for place in (torch, Tensor):
        stack.enter_context(mock.patch.object(place, "argmax", lambda given, *_, **__: given))
    stack.enter_context(mock.patch.object(torch, "max", scores_twice))
    return stack


@torch.no_grad()
def _scores(model: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([model(batch).flatten(1) for batch in images.split(BATCH)])


@torch.no_grad()
def is_large(model: nn.Module, images: Tensor) -> bool:
    """Whether an image takes many multiplications."""
    with FlopCounterMode(display=False) as counter:
        model.eval()(images[:1])
    return counter.get_total_flops() > 2 * LARGE


def _train(model: nn.Module, images: Tensor, labels: Tensor, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps)
    for _ in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        batch = images[chosen]
        scores = model((batch + NOISE * torch.rand(()) * torch.randn_like(batch)).clamp(0, 1))
        scores = scores[0] if isinstance(scores, tuple) else scores
        loss = F.cross_entropy(scores.flatten(1), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


def measure(name: str, noise: float = FIRST) -> dict[str, Any]:
    """What becomes of a model: ratios in decibels, shares and accuracies in per cent."""
    started = time.perf_counter()
    model, images, labels, share = trained(name, noise)
    labels = labels[-TEST_IMAGES:].numpy()
    seen = images[: CALIBRATION[is_large(model, images)]]
    done = bitrain.convert.convert(model, seen, bits=BITS, name=name)
    tested = images[-TEST_IMAGES:].reshape(TEST_IMAGES, *done.network.in_shape)
    with torch.no_grad():
        wanted = done.model.float_scores(tested).numpy()
    integers, unit = to_unipolar(tested.numpy(), BITS), done.model.steps[-1].product_scale
    finer = 4**BITS / done.network.layers[-1].stream_length
    scores = golden.predict(done.network, integers) * unit
    rival = golden.predict(done.network, integers, "binary") * unit / finer
    return {
        "layers": len(done.network.layers),
        "macs": done.network.macs,
        "noise": share,
        "decibels": _ratio(wanted, scores),
        "integer_decibels": _ratio(wanted, rival),
        "same_classes": _equal(scores.argmax(1), wanted.argmax(1)),
        "integer_same_classes": _equal(rival.argmax(1), wanted.argmax(1)),
        "float_accuracy": _equal(wanted.argmax(1), labels),
        "accuracy": _equal(scores.argmax(1), labels),
        "integer_accuracy": _equal(rival.argmax(1), labels),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _equal(found: np.ndarray, wanted: np.ndarray) -> float:
    return round(100 * float((found == wanted).mean()), 2)


def _ratio(wanted: np.ndarray, found: np.ndarray) -> float:
    noise = ((found - wanted) ** 2).mean()
    return round(float(10 * np.log10((wanted**2).mean() / max(noise, 1e-30))), 2)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Foreign models in streams.")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    parser.add_argument("--noise", type=float, default=FIRST, help="of the sums in training")
    parser.add_argument("names", nargs="*", help="which; all by default")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", "Using padding='same'")
    torch.set_num_threads(1)
    found = json.loads(args.out.read_text()) if args.out.is_file() else {}
    for name in args.names or FOREIGN:
        if name not in found:
            found[name] = measure(name, args.noise)
            print(name, found[name], flush=True)
            args.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
