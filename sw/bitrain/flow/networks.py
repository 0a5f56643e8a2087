"""What can be done with a network file and its data set: accuracy, IP folder with test bench."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bitrain import golden
from bitrain.accelerator import Engines, compile_network
from bitrain.cosim import write_testbench
from bitrain.gen.ip.config import read_config
from bitrain.gen.ip.names import default_name
from bitrain.gen.ip.package import generate_ip
from bitrain.host import num_beats, write_weight_beats, write_weight_image
from bitrain.host.weight_image import num_image_words
from bitrain.program import ARITHMETICS
from bitrain.spec import BitrainError, Network, load_network, network_digest, to_unipolar

if TYPE_CHECKING:
    from bitrain.data import Dataset

RANDOM = "random"
"""Stands for random images in the place of a data set's."""
POOL = 256
"""Images among which those are looked for that stop at an exit where no other does."""


def dataset_of(
    network: Network,
    name: str | None = None,
    data_dir: Path | str | None = None,
    *,
    labelled: bool = True,
) -> "Dataset":
    """The data set named, or else the one that the network was trained on.

    labelled: its classes count, not only its images. Raises :class:`BitrainError` where images or
    classes are not those of the network.
    """
    from bitrain.data import check_classes, load_dataset

    name, source = _source(network, name, data_dir)
    dataset = load_dataset(name, **source)
    try:
        network.check_images(dataset.test_images.shape)
    except BitrainError as error:
        raise BitrainError(f"network {network.name!r}, data set {name!r}: {error}") from error
    if labelled:
        check_classes(f"network {network.name!r}", network.num_scores, dataset)
    return dataset


def _source(
    network: Network, name: str | None, data_dir: Path | str | None
) -> tuple[str, dict[str, Any]]:
    """Name and options of the data set: as given, else as the network file remembers them.

    Nothing is downloaded that is not asked for by its name.
    """
    from bitrain.data.known import KNOWN

    known, remembered = network.metadata.get("data"), network.metadata.get("source", {})
    asked, who = name is not None, f"network {network.name!r}"
    name = name or known
    if not name:
        raise BitrainError(f"{who} does not say its data set; give --data")
    source = dict(remembered) if name == known else {}
    if "resize" in source:
        source["resize"] = tuple(source["resize"])
    if data_dir is not None:
        source["data_dir"] = data_dir
    elif "data_dir" in source and not Path(source["data_dir"]).expanduser().exists():
        raise BitrainError(
            f"{who} was trained on {name} in {source['data_dir']}, which is not there; give "
            "--data-dir"
        )
    elif "data_dir" not in source and not asked and name in KNOWN:
        raise BitrainError(
            f"{who} was trained on {name}; give --data-dir with its files, or --data {name} to "
            "have it downloaded"
        )
    return name, source


def accuracies(
    network: Network, data: str | None = None, data_dir: Path | None = None
) -> dict[str, Any]:
    """Per cent of the test images: golden model (``sc``) and ``int_baseline`` of equal width.

    Integers are those that the network was trained with, else binary.
    """
    dataset = dataset_of(network, data, data_dir)
    images, labels = dataset.test_images, dataset.test_labels
    return {
        "images": len(images),
        "sc": 100 * golden.accuracy(network, images, labels),
        "int_baseline": 100 * golden.accuracy(network, images, labels, _integers_of(network)),
    }


def _integers_of(network: Network) -> str:
    trained = network.metadata.get("arithmetic", "binary")
    has_streams = trained not in ARITHMETICS or ARITHMETICS[trained].has_streams
    return "binary" if has_streams else trained


def example_vectors(
    network: Network, count: int, data: str | None = None, data_dir: Path | None = None
) -> np.ndarray:
    """Evenly spaced test images as integers 0 … 2^n: (count, channels, height, width).

    data: a data set, by default the network's own; ``random`` stands for uniform random images,
    the same at each call, for which no data set is read.
    """
    (images,) = _examples(network, [count], data, data_dir)
    return images


def bench_vectors(
    engines: Engines, count: int, data: str | None = None, data_dir: Path | None = None
) -> np.ndarray:
    """The same for a test bench.

    Where exits decide, the last ones are others, so that some images stop at each exit and some at
    none, if there are such.
    """
    if not engines.programs[0].exits:
        return example_vectors(engines.network, count, data, data_dir)
    images, others = _examples(engines.network, [count, POOL], data, data_dir)
    return _stopping_everywhere(engines, images, others)


def _examples(
    network: Network, counts: Sequence[int], data: str | None, data_dir: Path | None
) -> list[np.ndarray]:
    """So many test images, and so many more, at most all of them, of one reading."""
    if data == RANDOM:
        sizes = ((count, *network.in_shape) for count in counts)
        return [np.random.default_rng(0).integers(0, network.one + 1, size) for size in sizes]
    dataset = dataset_of(network, data, data_dir, labelled=False)
    if counts[0] > (available := len(dataset.test_images)):
        raise BitrainError(f"{counts[0]} images asked for, the test split has {available}")
    found = (dataset.examples(min(count, available))[0] for count in counts)
    return [to_unipolar(images, network.bits) for images in found]


def _stopping_everywhere(engines: Engines, images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """``images``, the last ones replaced by ``others`` that stop where none does.

    A bench whose images all stop at the first exit would test nothing else.
    """
    exits = sorted(engines.programs[0].exits.items())
    places, found = (_exits_taken(engines, exits, part) for part in (images, others))
    missing = [i for i in range(len(exits) + 1) if i not in places and i in found]
    kept = len(images) - min(len(missing), len(images) - 1)
    chosen = [others[found == i][:1] for i in missing[: len(images) - kept]]
    return np.concatenate([images[:kept], *chosen])


def _exits_taken(
    engines: Engines, exits: Sequence[tuple[int, int]], images: np.ndarray
) -> np.ndarray:
    """The number of the exit where each image stops, that of exits where it stops at none."""
    places = np.full(len(images), len(exits))
    left = np.arange(len(images))
    for i, (length, margin) in enumerate(exits):
        shorter, arithmetic = engines.prefixes[length], engines.array.arithmetic
        *_, scores = golden.run_shorter(engines.network, shorter, images[left], arithmetic)
        sure = golden.margins(scores.reshape(len(left), shorter.num_scores)) >= margin
        places[left[sure]], left = i, left[~sure]
    return places


def generate_with_testbench(
    engines: Engines,
    directory: Path,
    *,
    num_images: int,
    name: str | None = None,
    device: str,
    frequency: float | None = None,
    data: str | None = None,
    data_dir: Path | None = None,
    vectors: np.ndarray | None = None,
) -> Path:
    """Write an IP folder whose test bench holds some test images, or ``vectors``.

    vectors: (images, channels, height, width), whole numbers 0 … 2^n; none is written without
    images.
    """
    if vectors is None and num_images:
        vectors = bench_vectors(engines, num_images, data, data_dir)
    top = default_name(engines.network.name) if name is None else name
    return generate_ip(
        engines,
        directory,
        name=top,
        device=device,
        frequency=frequency,
        testbench=None
        if vectors is None
        else lambda ip: write_testbench(ip, engines, vectors, top=top),
    )


def read_vectors(path: Path, network: Network) -> np.ndarray:
    """Images of a ``.npy`` file: (images, channels, height, width), whole numbers 0 … 2^n."""
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BitrainError(
            f"--vectors {path}: not a .npy file of numbers; write it with np.save"
        ) from error
    if not isinstance(vectors, np.ndarray) or vectors.dtype.kind not in "iu" or not vectors.size:
        raise BitrainError(
            f"--vectors {path}: expected an array of whole numbers 0 … {network.one} (images, "
            "channels, height, width)"
        )
    network.check_images(vectors.shape)
    if vectors.min() < 0 or vectors.max() > network.one:
        raise BitrainError(
            f"--vectors {path}: numbers {vectors.min()} … {vectors.max()}, expected 0 … "
            f"{network.one}: 2^n times the pixels, rounded"
        )
    return vectors.astype(np.int64)


def write_weights(ip: Path, network: Network, out: Path) -> list[tuple[Path, str]]:
    """Write the weights of ``network`` for the accelerator in an IP folder: files and sizes.

    For an accelerator whose weights can be loaded its weight image; for one whose weights are
    streamed the beats of a run, in a file for each engine, ``FILE``, or ``FILE`` with the engine's
    number before its ending.

    Raises :class:`BitrainError` where the accelerator cannot run it with them.
    """
    config = read_config(ip)
    own = load_network(ip / "network.npz")
    accelerator = compile_network(own, config.accelerator)
    _check_apart(out, ip)
    if not accelerator.weights_streamed:
        program = accelerator.programs[0]
        write_weight_image(program, network, out)
        return [(out, f"{num_image_words(program):,} words of 32 bits")]
    if network_digest(network) != network_digest(own):
        raise BitrainError(
            f"network {network.name!r} is not the one that {ip} was generated from, whose layers "
            f"and biases are in its ROM; give {ip / 'network.npz'}, or generate an accelerator for "
            "this one"
        )
    files = [out]
    if accelerator.are_several:
        numbers = range(len(accelerator.programs))
        files = [out.with_name(f"{out.stem}{number}{out.suffix}") for number in numbers]
    for file in files:  # all of them or none
        if file.is_dir():
            raise BitrainError(f"{file}: is a folder; give another --out")
    written = []
    for file, program in zip(files, accelerator.programs, strict=True):
        write_weight_beats(program, file)
        written.append((file, f"{num_beats(program):,} beats of {program.weight_beat} bits"))
    return written


def _check_apart(out: Path, ip: Path) -> None:
    """Raise :class:`BitrainError` if ``out`` would replace what the accelerator is made of."""
    if not out.name:
        raise BitrainError(f"--out {str(out)!r}: expected the name of a file")
    inside = out.resolve().is_relative_to(ip.resolve())
    if inside and out.resolve().parent != (ip / "weights").resolve():
        raise BitrainError(
            f"--out {out}: lies in the IP folder, whose other files belong together; give a file "
            f"outside of it, or in {ip / 'weights'}"
        )
