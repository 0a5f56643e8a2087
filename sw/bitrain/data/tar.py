"""Tar archives, read once from front to back; nothing of them is written to disk.

Python's ``tarfile`` takes a spoilt header for the end of the archive and leaves the checksum at the
end of a compressed file alone. Here both are errors: an archive that is cut short must not be read
as a smaller data set.
"""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from bitrain.spec import BitrainError

from .raw import LARGEST_FILE, check_size

SUFFIXES = (".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tbz2", ".tgz", ".txz")
_OPEN = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
"""How each compression is opened, by the bytes that a file of it begins with."""
CHUNK = 1 << 20

File = tuple[str, ...]
"""Folders and name in an archive: quicker by far than path objects."""


def find_tars(path: Path) -> list[Path]:
    """The file ``path`` itself, or the files in the folder."""
    files = (file for file in (path, *path.glob("*")) if file.is_file())
    return [file for file in files if file.name.lower().endswith(SUFFIXES)]


def split_name(path: Path, name: str) -> File:
    """Folders and name of a member of an archive (zip files too)."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        raise BitrainError(
            f"{path}: the member {name} leaves the archive, expected names below its top folder; "
            "pack the folder again from within it"
        )
    return tuple(part for part in parts if part not in ("", "."))


def walk_tar(
    path: Path, is_wanted: Callable[[File], bool]
) -> Iterator[tuple[File, tarfile.TarInfo, bytes | None]]:
    """Name, header and content of each member, in the order of the archive.

    The compression is known by its first bytes, not by the file's name. There is no content where
    the member is no plain file (a folder, link or device) or is not wanted.
    """
    try:
        with _decompress(path) as stream:
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive:
                for member in archive:
                    file = split_name(path, member.name)
                    is_read = member.isreg() and is_wanted(file)
                    if is_read:
                        check_size(f"{path}/{member.name}", member.size, LARGEST_FILE)
                    reader = archive.extractfile(member) if is_read else None
                    yield file, member, reader.read() if reader else None
            # The checksum of a compressed file is behind all members.
            while stream.read(CHUNK):
                pass
    except (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
        raise BitrainError(f"{path}: cannot be read ({error}); get the file again") from error


def _decompress(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        start = file.read(max(map(len, _OPEN)))
    opener = next((_OPEN[magic] for magic in _OPEN if start.startswith(magic)), open)
    return opener(path, "rb")


class _Header(tarfile.TarInfo):
    """A header; where there is none, nothing but a block of zeros ends the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) < tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it is cut short") from error
            if any(buf):
                raise tarfile.ReadError(
                    "no header of a tar where one is expected: no tar, a spoilt or an encrypted one"
                ) from error
            raise
