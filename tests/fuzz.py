"""Spoilt files of every kind that Bitrain reads: `make fuzz FILES=5000`.

Each file is one that is valid, changed at random: bits, pieces, numbers, and in texts what YAML has
in store. Reading it must end in one error that names the file, or in its contents, within seconds
and bounded memory. A network or a checkpoint that was changed must not be read at all: they have
checksums. The exit status is 1 where that does not hold; such files are kept.
"""

import argparse
import gzip
import random
import resource
import signal
import struct
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from image_trees import tar_folder, write_tree, zip_folder
from networks import compiled, random_network
from torch import nn

from bitrain.data import load_dataset
from bitrain.flow.config import load_config
from bitrain.gen.boards.bitstream import BOARD_FILE, BoardConfig, read_board
from bitrain.gen.ip.config import IpConfig, read_config, write_config
from bitrain.models import load_weights, save_weights
from bitrain.nas.flow.config import load_search
from bitrain.program import Array
from bitrain.recast.flow import load_plan
from bitrain.spec import BitrainError, load_network, save_network
from bitrain.train.checkpoint import Checkpoint
from bitrain.train.config import TrainConfig
from bitrain.train.optimizer import make_optimizer

SECONDS, PEAK = 10, 3 << 29
"""Longest that a file may take, and most bytes of this process."""
EXAMPLES = Path(__file__).parents[1] / "examples"
NETWORK = random_network(1)
CONFIG = TrainConfig(epochs=1)
ODD = [
    *(b"2001-01-01", b"!!python/object/apply:os.system [ls]", b"&a [*a, *a]", b"<<: *a", b"!x y"),
    *(b"9" * 5000, b"1e999", b".nan", b"-0", b"0x", b"~", b"[" * 400, b"{a: " * 400, b"\xff\xfe"),
    *(b"\0", b"'", b'"', b": ", b"\n- ", b"true", b"'\xc3\xa4'", b"..", b"/etc/passwd"),
]


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))


def _write_checkpoint(folder: Path) -> Path:
    model, path = _model(), folder / "checkpoint.pt"
    Checkpoint(path=path).save(model, make_optimizer(model.parameters(), CONFIG), CONFIG, [1.0])
    return path


def _read_checkpoint(path: Path) -> Any:
    model = _model()
    Checkpoint(path=path).load(model, make_optimizer(model.parameters(), CONFIG), CONFIG)
    return {name: value.tolist() for name, value in model.state_dict().items()}


def _write_network(folder: Path) -> Path:
    save_network(NETWORK, folder / "network.npz")
    return folder / "network.npz"


def _write_weights(folder: Path) -> Path:
    save_weights(_model(), folder / "model.safetensors", {"accuracy": 1.0})
    return folder / "model.safetensors"


def _write_ip(folder: Path) -> Path:
    engines = compiled(NETWORK, Array(channels=1, positions=1, lanes=4))
    write_config(IpConfig.of(engines, top="x", device="ecp5-25k", frequency_mhz=50.0), folder)
    return folder / "config.yaml"


def _write_board(folder: Path) -> Path:
    config = BoardConfig(
        version="1", board="ulx3s", top="x", bitstream="x.bit", baud=9600, clock_hz=25e6,
        divisor=100, gap_cycles=1000, array=Array(),
    )  # fmt: skip
    (folder / BOARD_FILE).write_text(config.model_dump_json(indent=1))
    return folder / BOARD_FILE


def _copy(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "config.yaml"
        path.write_bytes((EXAMPLES / name).read_bytes())
        return path

    return write


def _write_idx(folder: Path) -> Path:
    for part in "train", "t10k":
        for kind, shape in (("images-idx3", (4, 28, 28)), ("labels-idx1", (4,))):
            head = struct.pack(f">{len(shape) + 1}I", 0x800 | len(shape), *shape)
            content = gzip.compress(
                head + (b"\xff\0" * 4 * 392 if len(shape) > 1 else bytes(4)), mtime=0
            )
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(content)
    return folder / "train-images-idx3-ubyte.gz"


def _write_npz(folder: Path) -> Path:
    arrays: dict[str, Any] = {}
    for part in "train", "test":
        arrays[f"{part}_images"] = np.full((4, 5, 5), 255, np.uint8) * np.eye(5, dtype=np.uint8)
        arrays[f"{part}_labels"] = np.arange(4) % 2
    np.savez_compressed(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def _write_packed(pack: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        write_tree(folder / "pets")
        return pack(folder / "pets")

    return write


def _write_picture(folder: Path) -> Path:
    write_tree(folder)
    return folder / "train/cat/9.png"


def _images(path: Path) -> None:
    load_dataset("images", path)


@dataclass(frozen=True)
class Kind:
    """A kind of file."""

    write: Callable[[Path], Path]
    """Writes a valid one into a folder, with what belongs to it."""
    read: Callable[[Path], Any]
    sealed: bool = False
    """Whether nothing else than what was written may be read."""


KINDS = {
    "network": Kind(_write_network, load_network, sealed=True),
    "checkpoint": Kind(_write_checkpoint, _read_checkpoint, sealed=True),
    "weights": Kind(_write_weights, lambda path: load_weights(_model(), path)),
    "run": Kind(_copy("digits.yaml"), load_config),
    "plan": Kind(_copy("recast/digits.yaml"), load_plan),
    "search": Kind(_copy("search/digits.yaml"), load_search),
    "package": Kind(_write_ip, lambda path: read_config(path.parent)),
    "board": Kind(_write_board, lambda path: read_board(path.parent)),
    "idx": Kind(_write_idx, lambda path: load_dataset("mnist", path.parent)),
    "npz": Kind(_write_npz, _images),
    "picture": Kind(_write_picture, lambda path: _images(path.parents[2])),
    "zip": Kind(_write_packed(zip_folder), _images),
    "tar": Kind(_write_packed(lambda folder: tar_folder(folder, ".tar.gz")), _images),
}


def spoil(content: bytes, rng: random.Random) -> bytes:
    """The same with one change or a few."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice([1, 1, 2, 4, 8, 64, 1000]))
        match rng.randrange(8):
            case 0 if data:
                data[start % len(data)] ^= 1 << rng.randrange(8)
            case 1:
                data[start:end] = rng.randbytes(end - start)
            case 2:
                del data[start:end]
            case 3:
                data[start:start] = data[start:end]
            case 4:
                del data[start:]
            case 5:
                data[start:end] = rng.choice([b"\0", b"\xff"]) * (end - start)
            case 6:
                data[start:end] = rng.choice(ODD)
            case _:  # the value of an option, or what looks like one
                colon = data.find(b": ", start)
                stop = data.find(b"\n", max(0, colon))
                if 0 <= colon < stop:
                    data[colon + 2 : stop] = rng.choice(ODD)
    return bytes(data)


class _TooLongError(Exception):
    """A file took longer than it may."""


def _alarm(*_: object) -> None:
    raise _TooLongError


def judge(kind: Kind, path: Path, wanted: Any, *, changed: bool) -> str:
    """``refused``, ``read``, or what is wrong."""
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(SECONDS)
    try:
        found = kind.read(path)
    except BitrainError as error:
        return "refused" if "\n" not in str(error) else f"an error of several lines: {error}"
    except _TooLongError:
        return f"took more than {SECONDS} s"
    except Exception:
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    if kind.sealed and changed and found != wanted:
        return "was changed, and read"
    return "read"


def run(name: str, number: int, out: Path, seed: int = 0) -> Counter[str]:
    """What became of so many files; those that something is wrong with stay in ``out``."""
    kind, rng, found = KINDS[name], random.Random(f"{seed} {name}"), Counter[str]()
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    path = kind.write(folder)
    content, wanted = path.read_bytes(), kind.read(path)
    for i in range(number):
        spoilt = spoil(content, rng)
        path.write_bytes(spoilt)
        verdict = judge(kind, path, wanted, changed=spoilt != content)
        if verdict not in ("refused", "read"):
            (out / f"{name}-{i}").write_bytes(spoilt)
            print(f"{out / name}-{i}: {verdict}", file=sys.stderr)
            verdict = "wrong"
        found[verdict] += 1
    path.write_bytes(content)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Spoilt files of every kind.")
    add = parser.add_argument
    add("--files", type=int, default=200, help="how many of each kind (200)")
    add("--kinds", nargs="*", choices=KINDS, default=list(KINDS), help="which (all)")
    add("--seed", type=int, default=0, help="which changes (0)")
    add("--out", type=Path, default=Path("build/fuzz"), help="output folder")
    args = parser.parse_args(arguments)
    total = Counter[str]()
    for name in args.kinds:
        started = time.perf_counter()
        found = run(name, args.files, args.out, args.seed)
        seconds = time.perf_counter() - started
        counts = ", ".join(
            f"{found[verdict]} {verdict}" for verdict in ("refused", "read", "wrong")
        )
        print(f"{name}: {counts}, {seconds:.1f} s", flush=True)
        total += found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(f"{total.total()} files: {total['wrong']} wrong, peak {peak >> 20:,} MiB")
    return int(total["wrong"] > 0 or peak > PEAK)


if __name__ == "__main__":
    sys.exit(main())
