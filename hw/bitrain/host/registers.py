"""The registers of an accelerator on AXI4-Lite: the one table that hardware, header and docs share.

Registers are 32 bits wide, at byte addresses that are multiples of 4. Reading where there is none,
and writing one that can only be read, answers SLVERR and changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bitrain.accelerator import Engines

Access = Literal["ro", "rw", "w1c", "wo"]
"""Read only; read and write; read, and write 1 to clear a bit; write only, which reads as zero."""
Option = Literal["weights", "early_termination", "wide", "weight_stream"]
"""What an accelerator may have registers for that others lack."""

IDENTIFICATION = int.from_bytes(b"BITR", "big")
_MAP_VERSION = 1 << 16
"""Major and minor number, 16 bits each; minor ones add registers."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """Some bits of a register."""

    name: str
    low: int
    """Position of the least significant bit."""
    width: int = 1
    meaning: str
    option: Option | None = None
    """Which accelerators have it; None: all."""

    @property
    def mask(self) -> int:
        """In place."""
        return (1 << self.width) - 1 << self.low


@dataclass(frozen=True, kw_only=True)
class Register:
    """One word; bits that belong to no field read as zero."""

    name: str
    offset: int
    """Byte address."""
    access: Access
    meaning: str
    fields: tuple[Field, ...] = ()
    """None where the word is one number."""
    option: Option | None = None
    """Which accelerators have it; None: all."""


_Row = tuple[str, Access, str, tuple[Field, ...]]

_OF_ALL: tuple[_Row, ...] = (
    ("ID", "ro", 'always 0x42495452, "BITR"', ()),
    ("VERSION", "ro", "of this table: major in the upper, minor in the lower half", ()),
    (
        "CONTROL",
        "rw",
        "after reset 1, so that the streams work without a bus",
        (
            Field(
                name="ENABLE",
                low=0,
                meaning="take frames; cleared, the frame at work is finished and no other begun",
            ),
        ),
    ),
    (
        "STATUS",
        "ro",
        "what the accelerator is at",
        (Field(name="BUSY", low=0, meaning="a frame is being loaded, computed or sent"),),
    ),
    (
        "ERROR",
        "w1c",
        "what went wrong since it was cleared",
        (
            Field(name="TLAST_EARLY", low=0, meaning="a frame ended early and was dropped"),
            Field(name="TLAST_MISSING", low=1, meaning="a frame went on too long and was dropped"),
            Field(name="LENGTH", low=2, meaning="a stream length or its margin was refused"),
            Field(
                name="WEIGHTS",
                low=3,
                meaning="a write to WEIGHT_ADDRESS or WEIGHT_DATA was refused",
                option="weights",
            ),
            Field(
                name="WEIGHTS_EARLY",
                low=4,
                meaning="a frame of weights ended early and was dropped",
                option="weight_stream",
            ),
            Field(
                name="WEIGHTS_MISSING",
                low=5,
                meaning="a frame of weights went on too long and was dropped",
                option="weight_stream",
            ),
        ),
    ),
    (
        "STREAM_LENGTH",
        "rw",
        "L of the longest streams, for frames that end after the write; takes powers of two from "
        "SHORTEST to what it holds after reset",
        (),
    ),
    ("CYCLES", "ro", "cycles from the last pixel to the first score, this frame's or the last", ()),
    ("CLASS_INDEX", "ro", "index of the largest score, from the first score word on", ()),
    ("FRAMES", "ro", "frames whose scores have all been taken, modulo 2^32", ()),
    ("PIXELS", "ro", "words of a frame in", ()),
    ("SCORES", "ro", "words of a frame out", ()),
    ("SHORTEST", "ro", "least stream length; that after reset where it cannot be chosen", ()),
    (
        "FORMAT",
        "ro",
        "of the words",
        (
            Field(name="BITS", low=0, width=8, meaning="n: pixels are 0 … 2^n"),
            Field(name="SCORE_BITS", low=8, width=8, meaning="of scores before sign extension"),
            Field(
                name="LOG_WIDTH",
                low=16,
                width=2,
                meaning="log2 W: pixels of a row in a word of a frame in",
                option="wide",
            ),
        ),
    ),
)

_OF_WEIGHTS: tuple[_Row, ...] = (
    (
        "WEIGHT_ADDRESS",
        "rw",
        "index in the weight image of what WEIGHT_DATA takes next; takes up to WEIGHT_WORDS",
        (),
    ),
    (
        "WEIGHT_DATA",
        "wo",
        "the next word of the weight image, all four bytes; refused behind its end and while BUSY",
        (),
    ),
    ("WEIGHT_WORDS", "ro", "words of the weight image", ()),
)
_OF_EARLY_TERMINATION: tuple[_Row, ...] = (
    (
        "LADDER_LENGTH",
        "rw",
        "the length that LADDER_MARGIN is of; takes those of STREAM_LENGTH but the longest",
        (),
    ),
    (
        "LADDER_MARGIN",
        "rw",
        "of a pass at LADDER_LENGTH; takes all four bytes",
        (
            Field(
                name="THRESHOLD",
                low=0,
                width=31,
                meaning="least difference of the best two scores that ends the frame",
            ),
            Field(name="RUN", low=31, meaning="frames of a longer STREAM_LENGTH run at it first"),
        ),
    ),
    ("LENGTHS_RUN", "ro", "lengths of this frame's passes, or the last's, added up", ()),
)


def _rows(first: int, rows: Sequence[_Row], option: Option | None = None) -> Iterator[Register]:
    for i, (name, access, meaning, fields) in enumerate(rows):
        offset = first + 4 * i
        yield Register(
            name=name, offset=offset, access=access, meaning=meaning, fields=fields, option=option
        )


REGISTERS = (
    *_rows(0, _OF_ALL),
    *_rows(0x40, _OF_WEIGHTS, "weights"),
    *_rows(0x60, _OF_EARLY_TERMINATION, "early_termination"),
)
"""In the order of their addresses."""

ENABLE = 1
"""CONTROL after reset."""


def register(name: str) -> Register:
    """A register of the table."""
    return next(entry for entry in REGISTERS if entry.name == name)


def field(name: str, field_name: str) -> Field:
    """A field of a register of the table."""
    return next(entry for entry in register(name).fields if entry.name == field_name)


def registers_of(engines: Engines) -> tuple[Register, ...]:
    """Those of the table that an accelerator has, with the fields that it has."""
    there = {
        None: True,
        "weights": engines.weights_writable,
        "early_termination": engines.early_termination,
        "wide": engines.array.width > 1,
        "weight_stream": engines.weights_streamed,
    }
    return tuple(
        replace(entry, fields=tuple(field for field in entry.fields if there[field.option]))
        for entry in REGISTERS
        if there[entry.option]
    )


def format_word(engines: Engines) -> int:
    """What FORMAT holds."""
    log_width = engines.array.width.bit_length() - 1
    return engines.network.bits | engines.score_bits << 8 | log_width << 16


def map_version(registers: Sequence[Register]) -> int:
    """What VERSION holds: of an accelerator with nothing but what all have, minor number 0."""
    return _MAP_VERSION | any(entry.option for entry in registers)


def address_bits(registers: Sequence[Register]) -> int:
    """Bits of byte addresses; one address at least belongs to no register."""
    return (registers[-1].offset + 4).bit_length()


def constants(registers: Sequence[Register] = REGISTERS) -> Iterator[tuple[str, int]]:
    """Names and numbers for software: addresses, and masks of fields."""
    for entry in registers:
        yield entry.name, entry.offset
        for field in entry.fields:
            yield f"{entry.name}_{field.name}", field.mask
