"""A small tree of image files, packed in every way, and what is to be read of it."""

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bitrain.data import load_dataset
from bitrain.spec import BitrainError

SIZE = (4, 5)
RNG = np.random.default_rng(0)


def draw(channels: int | None = 3) -> np.ndarray:
    return RNG.integers(0, 256, SIZE + ((channels,) if channels else ()), np.uint8)


def encode(pixels: np.ndarray, file_format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, file_format)
    return stream.getvalue()


def png(depth: int, colour_type: int, row: bytes) -> bytes:
    """An image as wide as its row and one high, of a kind that Pillow cannot write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    header = struct.pack(
        ">2I5B", 8 * len(row) // (depth * channels), 1, depth, colour_type, 0, 0, 0
    )
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


# In the order in which they are to be read: by the characters' codes, so 10 comes before 9.
FILES = [
    "train/Zebra/b.png",
    "train/cat/10.png",
    "train/cat/9.png",
    "train/dog/X.PNG",
    "train/dog/a.bmp",
    "test/cat/a.png",
    "test/dog/c.png",
]
PIXELS = [draw() for _ in FILES]
WANTED = np.stack(PIXELS).transpose(0, 3, 1, 2).astype(np.float32) / 255


def write_tree(folder: Path) -> None:
    for name, pixels in zip(reversed(FILES), reversed(PIXELS), strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(pixels, "BMP" if name.endswith("bmp") else "PNG"))
    (folder / "README.md").write_text("not read")
    (folder / "train" / ".DS_Store").write_text("not read")
    (folder / "train" / "cat" / "._10.png").write_text("not read")


def zip_folder(folder, top: str = "", compression: int = zipfile.ZIP_STORED):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in folder.rglob("*"):
            archive.write(file, f"{top}{file.relative_to(folder)}")
        archive.writestr("__MACOSX/train/cat/10.png", "not read")
    return path


def new_tar(path, kind: str) -> tarfile.TarFile:
    """To write to; kind is the compression."""
    make = {"": tarfile.TarFile.taropen, "gz": tarfile.TarFile.gzopen}
    make |= {"bz2": tarfile.TarFile.bz2open, "xz": tarfile.TarFile.xzopen}
    return make[kind](path, "w")


def tar_folder(folder, suffix: str = ".tar", top: str = "", kind: str = ""):
    """In the order of the file system, which is none; kind is the compression."""
    path = folder.with_suffix(suffix)
    kind = kind or {".tar": "", ".tgz": "gz", ".txz": "xz"}.get(suffix, suffix.rpartition(".")[2])
    with new_tar(path, kind) as archive:
        archive.add(folder, top or "./")
        archive.addfile(tarfile.TarInfo("._pets"))
    return path


def pack(folder, packer: str):
    """The folder itself or an archive of it."""
    return {"folder": lambda folder: folder, "zip": zip_folder, "tar": tar_folder}[packer](folder)


every_way = pytest.mark.parametrize("packer", ["folder", "zip", "tar"])


def check(data, note: str) -> None:
    assert data.classes == ("Zebra", "cat", "dog") and data.in_shape == (3, *SIZE)
    np.testing.assert_array_equal(data.train_images, WANTED[:5])
    np.testing.assert_array_equal(data.test_images, WANTED[5:])
    assert data.train_labels.tolist() == [0, 1, 1, 2, 2]
    assert data.test_labels.tolist() == [1, 2]
    assert data.note == f"own images, image folder {note} (BMP and PNG)"


def refuses(path, message: str) -> None:
    with pytest.raises(BitrainError) as error:
        load_dataset("images", path)
    assert str(error.value) == message
