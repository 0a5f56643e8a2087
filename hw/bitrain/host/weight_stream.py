"""The weights of a run as a frame of beats, for an accelerator whose weights are streamed.

Weight words lie in the order in which the engine reads them, layer by layer and tile by tile of
channels; each takes so many whole beats, its lowest bits first, and what the last of them has too
much is zero. The file holds the beats of one run, each in its bytes, little-endian; it is sent once
for each run of the network, its last beat marked.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bitrain.accelerator import Engines
from bitrain.program import Program
from bitrain.spec import BitrainError, write_atomically


def weight_beats(program: Program) -> np.ndarray:
    """Beats of a run: (beats, bytes of a beat), uint8, the least significant first."""
    if not program.weights_streamed:
        raise BitrainError(
            "the accelerator's weights do not come on a stream; `bitrain generate … --weights "
            "stream` makes one whose weights do"
        )
    size = program.weight_beat // 8
    frame = b"".join(_words(program))
    return np.frombuffer(frame, np.uint8).reshape(-1, size)


def num_beats(program: Program) -> int:
    """Beats of a run."""
    return program.num_weight_words * program.weight_parts


def write_weight_beats(program: Program, path: Path) -> None:
    """Write the beats of a run to a file."""
    write_atomically(path, weight_beats(program).tobytes())


def weight_files(engines: Engines, top: str) -> list[tuple[str, Program]]:
    """Names of the files of an accelerator's weight streams, and the program of each."""
    names = [stream.replace("weights", top, 1) for stream in engines.weight_streams]
    return [(f"{name}.bin", each) for name, each in zip(names, engines.programs, strict=False)]


def _words(program: Program) -> Iterator[bytes]:
    size = program.weight_parts * program.weight_beat // 8
    return (word.to_bytes(size, "little") for word in program.weight_words)
