"""Trainings damage no memory: under a malloc that checks, on the paths of AVX2.

Each runs in a process of its own, which this file is the program of. The networks have what torch's
oneDNN cannot stand there (``bitrain.nn.safe_convolution``).
"""

import ctypes.util
import itertools
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_search import SPACE

REPOSITORY = Path(__file__).parents[2]
PATHS = ("hw", "sim", "sw", "tests")
CHECKED_MALLOC = "libc_malloc_debug.so.0"

SEARCH = (
    SPACE
    + """\
teacher: {epochs: 1, images: 100}
search: {epochs: 1, images: 100}
retrain: {epochs: 1, images: 100}
sc: {bits: 3, calibration_images: 40}
finetune: {epochs: 1, images: 60}
"""
)


def train_float() -> None:
    """Networks in real numbers, the second with weights whose strides are channels last too."""
    from bitrain.train.config import TrainConfig
    from bitrain.train.loop import fit

    for precision in ("float32", "bfloat16"):
        model = network()
        for parameter in model.parameters():
            if precision == "bfloat16" and parameter.shape[2:] == (1, 1):
                channels = parameter.shape[1]
                strides = (channels, 1, channels, channels)
                parameter.data = parameter.data.as_strided(parameter.shape, strides)
        fit(model, images(), TrainConfig(epochs=2, batch_size=16, precision=precision))


def train_streams() -> None:
    """Exact sums, noise on real ones, and the integer baseline."""
    from bitrain.nn import ScConfig
    from bitrain.train.config import FineTuneConfig
    from bitrain.train.finetune import finetune_sc

    config = FineTuneConfig(epochs=2, noise_epochs=1, batch_size=16, distillation=0.5)
    for arithmetic in ("stochastic", "binary"):
        finetune_sc(network(), images(), ScConfig(bits=3), config, arithmetic=arithmetic)


def train_recast() -> None:
    """A block whose teacher and whose student both have such a convolution."""
    from bitrain.recast.match import recast_block
    from bitrain.recast.parse import parse_blocks
    from bitrain.recast.plan import Rule
    from bitrain.recast.student import Student
    from bitrain.train.config import TrainConfig

    dataset = images()
    teacher = parse_blocks(network().eval(), dataset.in_shape)
    for scope in ("prefix", "pair"):
        student = Student(teacher, dataset.in_shape)
        student.replace(1, Rule.model_validate({"blocks": 1, "to": "bottleneck", "middle": 4}), 0)
        config = TrainConfig(epochs=2, batch_size=16)
        recast_block(student, teacher, 1, dataset, config, scope=scope)


def train_search() -> None:
    """All trainings of an architecture search."""
    from tempfile import TemporaryDirectory

    from bitrain.cli import main

    with TemporaryDirectory() as folder:
        config = Path(folder) / "search.yaml"
        config.write_text(SEARCH)
        sys.argv = ["bitrain", "search", "run", "--config", str(config), "--out", f"{folder}/out"]
        try:
            main()
        except SystemExit as exit_status:
            assert not exit_status.code, exit_status.code


def train_all_shapes() -> None:
    """Single convolutions, of each order of memory, as any training calls them."""
    import torch
    from torch.nn import functional as F

    from bitrain.nn import SafeConvolutions

    torch.set_num_threads(1)
    for groups, channels, size, stride in itertools.product(
        (1, 4), (2, 3, 4, 5, 6, 7, 8), (8, 16), (2, 3, (2, 1))
    ):
        for last in (True, False), (False, True), (True, True):
            inputs = torch.rand(2, groups * channels, size, size)
            weight = torch.rand(groups * 8, channels, 1, 1)
            if last[0]:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            if last[1]:
                weight = weight.as_strided(weight.shape, (channels, 1, channels, channels))
            operands = inputs.requires_grad_(), weight.requires_grad_()
            with SafeConvolutions():
                F.conv2d(*operands, stride=stride, groups=groups).sum().backward()


TRAININGS = {
    f.__name__: f
    for f in (train_all_shapes, train_float, train_streams, train_recast, train_search)
}


def network():
    """Convolutions of 1 x 1 and stride 2 that read 4 and 6 channels, alone and as a shortcut."""
    import torch
    from torch import nn

    from bitrain.models import Residual

    torch.manual_seed(0)
    body = nn.Sequential(
        *(nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU()),
        *(nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)),
    )
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        Residual(body, nn.Conv2d(4, 6, 1, stride=2)),
        *(nn.Conv2d(6, 8, 1, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(8, 4),
    )


def images():
    from bitrain.data import Dataset

    rng = np.random.default_rng(0)
    pixels, labels = rng.random((64, 1, 16, 16), np.float32), rng.integers(0, 4, 64)
    return Dataset(
        name="random",
        note="",
        classes=tuple("abcd"),
        train_images=pixels,
        train_labels=labels,
        test_images=pixels,
        test_labels=labels,
    )


@pytest.mark.slow
@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not ctypes.util.find_library("c_malloc_debug"),
    reason=f"needs {CHECKED_MALLOC} of glibc 2.34 or newer",
)
@pytest.mark.parametrize("name", TRAININGS)
def test_memory_stays_whole(name):
    environment = {
        **os.environ,
        "LD_PRELOAD": CHECKED_MALLOC,
        "MALLOC_CHECK_": "3",  # abort where a block's end was written over
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "PYTHONPATH": os.pathsep.join(str(REPOSITORY / part) for part in PATHS),
    }
    done = subprocess.run(
        [sys.executable, __file__, name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


if __name__ == "__main__":
    TRAININGS[sys.argv[1]]()
