"""Convert every foreign model, trained for seconds, and compare streams with real numbers.

`make zoo`: for each model the layers, the
signal-to-noise ratio of the golden model's scores at n = 8 against the float network's, that of the
integer baseline, and how often the classes are the same, on 200 images that neither training nor
calibration saw. The file is gone on with if it is there.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import bitrain.convert
from bitrain import golden
from bitrain.spec import to_unipolar

from .digits import TEST_IMAGES, digits_of
from .foreign import FOREIGN

BITS, STEPS, BATCH, CALIBRATION = 8, 200, 32, 128


def trained(name: str, steps: int = STEPS) -> tuple[nn.Module, Tensor]:
    """A model of the zoo in evaluation mode, and the images: first those that it may have seen."""
    build, shape = FOREIGN[name]
    images, labels = digits_of(shape)
    torch.manual_seed(0)
    model = build().train()
    with torch.no_grad():
        given = model.eval()(images[:2])
    model.train()
    if given.is_floating_point():
        _train(model, images[:-TEST_IMAGES], labels[:-TEST_IMAGES] % given.shape[-1], steps)
    else:
        _settle(model, images)
    return model.eval(), images


def _train(model: nn.Module, images: Tensor, labels: Tensor, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    for _ in range(steps):
        chosen = torch.randint(len(images), (BATCH,))
        scores = model(images[chosen])
        scores = scores[0] if isinstance(scores, tuple) else scores
        loss = F.cross_entropy(scores.flatten(1), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()


@torch.no_grad()
def _settle(model: nn.Module, images: Tensor) -> None:
    """Statistics of batch norm alone, where scores have no gradient."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    for _ in range(3):
        model(images[:64])


def measure(name: str, steps: int = STEPS) -> dict[str, Any]:
    """What becomes of a model."""
    started = time.perf_counter()
    model, images = trained(name, steps)
    done = bitrain.convert.convert(model, images[:CALIBRATION], bits=BITS, name=name)
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
        "decibels": _ratio(wanted, scores),
        "integer_decibels": _ratio(wanted, rival),
        "same_classes": float((scores.argmax(1) == wanted.argmax(1)).mean()),
        "integer_same_classes": float((rival.argmax(1) == wanted.argmax(1)).mean()),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _ratio(wanted: np.ndarray, found: np.ndarray) -> float:
    noise = ((found - wanted) ** 2).mean()
    return round(float(10 * np.log10((wanted**2).mean() / max(noise, 1e-30))), 2)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description="Foreign models in streams.")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of training ({STEPS})")
    parser.add_argument("names", nargs="*", help="which; all by default")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", "Using padding='same'")
    torch.set_num_threads(1)
    found = json.loads(args.out.read_text()) if args.out.is_file() else {}
    for name in args.names or FOREIGN:
        if name not in found:
            found[name] = measure(name, args.steps)
            print(name, found[name], flush=True)
            args.out.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
