"""Image files in a folder, a zip file or a tar."""

import gzip
import io
import lzma
import re
import shutil
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from bitrain.data import load_dataset, tar
from bitrain.data.known import KNOWN
from bitrain.spec import BitrainError

SIZE = (4, 5)
RNG = np.random.default_rng(0)


def draw(channels: int | None = 3) -> np.ndarray:
    return RNG.integers(0, 256, SIZE + ((channels,) if channels else ()), np.uint8)


def encode(pixels: np.ndarray, file_format: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, file_format)
    return stream.getvalue()


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


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "pets"
    for name, pixels in zip(reversed(FILES), reversed(PIXELS), strict=True):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(pixels, "BMP" if name.endswith("bmp") else "PNG"))
    (folder / "README.md").write_text("not read")
    (folder / "train" / ".DS_Store").write_text("not read")
    (folder / "train" / "cat" / "._10.png").write_text("not read")
    return folder


def zip_folder(folder, top: str = "", compression: int = zipfile.ZIP_STORED):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for file in folder.rglob("*"):
            archive.write(file, f"{top}{file.relative_to(folder)}")
        archive.writestr("__MACOSX/train/cat/10.png", "not read")
    return path


def tar_folder(folder, suffix: str = ".tar", top: str = "", kind: str = ""):
    """In the order of the file system, which is none; kind is the compression."""
    path = folder.with_suffix(suffix)
    kind = kind or {".tar": "", ".tgz": "gz", ".txz": "xz"}.get(suffix, suffix.rpartition(".")[2])
    with tarfile.open(path, f"w:{kind}") as archive:
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


def test_folder(folder) -> None:
    check(load_dataset("images", folder), "pets")


def test_folder_that_is_the_working_one(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    check(load_dataset("images", "."), "pets")


@pytest.mark.parametrize("top", ["", "pets/", "./"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip(folder, top, compression) -> None:
    path = zip_folder(folder, top, compression)
    shutil.rmtree(folder)
    for place in (path, path.parent):
        check(load_dataset("images", place), "pets.zip")


@pytest.mark.parametrize("top", ["", "pets"])
@pytest.mark.parametrize(
    "suffix", [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".TAR.GZ"]
)
def test_tar(folder, top, suffix) -> None:
    path = tar_folder(folder, suffix, top, {".tbz2": "bz2", ".TAR.GZ": "gz"}.get(suffix, ""))
    shutil.rmtree(folder)
    for place in (path, path.parent):
        check(load_dataset("images", place), f"pets{suffix}")


@pytest.mark.parametrize("packed_as", ["gz", "xz", "bz2"])
def test_tar_compressed_in_another_way_than_its_name_says(folder, packed_as) -> None:
    path = tar_folder(folder, ".tar.gz", kind=packed_as)
    check(load_dataset("images", path), "pets.tar.gz")


def test_tar_is_unpacked_once_and_not_to_disk(folder, monkeypatch) -> None:
    path = tar_folder(folder, ".tar.xz")
    shutil.rmtree(folder)
    sizes = []

    class Counted(lzma.LZMAFile):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(len(result := super().read(size)))
            return result

        def seek(self, *_: object) -> int:
            raise AssertionError("going back means to unpack again")

    monkeypatch.setitem(tar._OPEN, b"\xfd7zXZ\0", Counted)
    check(load_dataset("images", path), "pets.tar.xz")
    # Once more up to the first name, to see what the archive holds.
    assert sum(sizes) <= len(lzma.decompress(path.read_bytes())) + tarfile.RECORDSIZE
    assert [entry.name for entry in path.parent.iterdir()] == ["pets.tar.xz"]


def add(path, member: tarfile.TarInfo) -> None:
    with tarfile.open(path, "a") as archive:
        archive.addfile(member)


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_tar_with_a_link_or_a_device(folder, kind) -> None:
    path = tar_folder(folder)
    add(path, special("latest", kind, "train"))  # outside train and test nothing is read
    check(load_dataset("images", path), "pets.tar")
    add(path, special("train/cat/11.png", kind, "train/cat/10.png"))
    refuses(
        path,
        f"{path}/train/cat/11.png: a link or a device, expected a file; pack the folder again "
        "with tar --dereference --hard-dereference",
    )


@pytest.mark.parametrize("name", ["/train/cat/x.png", "../train/cat/x.png", "train/../x.png"])
@pytest.mark.parametrize("packer", ["zip", "tar"])
def test_names_that_leave_the_archive(folder, packer, name) -> None:
    path = pack(folder, packer)
    if packer == "zip":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, "")
    else:
        add(path, tarfile.TarInfo(name))
    refuses(
        path,
        f"{path}: the member {name} leaves the archive, expected names below its top folder; "
        "pack the folder again from within it",
    )


def test_tar_of_something_else(tmp_path) -> None:
    path = tmp_path / "x.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        archive.addfile(tarfile.TarInfo("README"))
        archive.addfile(special("./", tarfile.REGTYPE))
    refuses(
        path,
        f"{path}: no images in train/<class>/ and test/<class>/ and no cifar-10-batches-py in "
        "this tar; pack one of the two",
    )


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.xz", ".tar.bz2"])
def test_spoilt_tar(folder, suffix) -> None:
    path = tar_folder(folder, suffix)
    whole = path.read_bytes()
    spoilt = [b"", b"<html>not found</html>" * 99, b"Salted__" + RNG.bytes(2000), whole[:20]]
    # Cut anywhere: only the zeros at the end of a plain tar say that it is complete.
    spoilt += [whole[: len(whole) * part // 20] for part in range(1, 15)]
    if suffix != ".tar":
        middle = len(whole) // 2
        wrong = bytes([whole[middle] ^ 255])
        spoilt += [whole[:-1], whole[:-9], whole[:middle] + wrong + whole[middle + 1 :]]
    for content in spoilt:
        path.write_bytes(content)
        with pytest.raises(BitrainError, match=r"pets\.tar.*: cannot be read \(.+\); get the file"):
            load_dataset("images", path)


@pytest.mark.parametrize("at", [0, 100])
def test_tar_cut_between_two_files(folder, at) -> None:
    """Python's tarfile takes this for the end."""
    path = tar_folder(folder)
    with tarfile.open(path) as archive:
        last = archive.getmembers()[-2]
    content = path.read_bytes()[: last.offset + at]
    for suffix, spoilt in ((".tar", content), (".tar.gz", gzip.compress(content))):
        path.with_suffix(suffix).write_bytes(spoilt)
        with pytest.raises(BitrainError, match=r"cannot be read \(it is cut short\); get the file"):
            load_dataset("images", path.with_suffix(suffix))


def test_tar_with_a_spoilt_header(folder) -> None:
    """Python's tarfile takes this for the end, too."""
    path = tar_folder(folder)
    with tarfile.open(path) as archive:
        at = archive.getmembers()[-2].offset
    content = path.read_bytes()
    path.write_bytes(content[:at] + b"?" + content[at + 1 :])
    with pytest.raises(BitrainError, match=r"cannot be read \(no header of a tar where one is exp"):
        load_dataset("images", path)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "JPEG"])
def test_grey(tmp_path, file_format) -> None:
    suffix = {"JPEG": "jpg"}.get(file_format, file_format.lower())
    pixels = np.full(SIZE, 204, np.uint8)
    for name in ("train/a", "train/b", "test/a"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / f"1.{suffix}").write_bytes(encode(pixels, file_format))
    data = load_dataset("images", tmp_path)
    assert data.in_shape == (1, *SIZE)
    np.testing.assert_array_equal(data.train_images, np.full((2, 1, *SIZE), np.float32(0.8)))
    assert data.note.endswith("(JPEG, lossy)" if file_format == "JPEG" else f"({file_format})")


def test_modes_that_lose_nothing(folder) -> None:
    pixels = draw()
    opaque = np.dstack([pixels, np.full(SIZE, 255, np.uint8)])
    (folder / "test/cat/a.png").write_bytes(encode(opaque))
    palette = io.BytesIO()
    image = Image.fromarray(pixels).quantize(256)
    image.save(palette, "PNG")
    (folder / "test/dog/c.png").write_bytes(palette.getvalue())
    data = load_dataset("images", folder)
    for found, wanted in zip(
        data.test_images, (pixels, np.asarray(image.convert("RGB"))), strict=True
    ):
        np.testing.assert_array_equal(found * np.float32(255), wanted.transpose(2, 0, 1))


def test_classes_of_a_known_set(tmp_path) -> None:
    images = np.full((32, 32, 3), 255, np.uint8)
    names = ["Airplane", *KNOWN["cifar10"].classes[1:9], "TRUCK"]
    for part in ("train", "test"):
        for name in names:
            path = tmp_path / "cifar10" / part / name
            path.mkdir(parents=True)
            path.joinpath("1.png").write_bytes(encode(images))
    data = load_dataset("cifar10", tmp_path)
    # The folder TRUCK comes second.
    assert data.train_labels.tolist() == [0, 9, 1, 2, 3, 4, 5, 6, 7, 8]
    assert data.classes[9] == "truck"
    shutil.rmtree(tmp_path / "cifar10/train/cat")
    shutil.rmtree(tmp_path / "cifar10/test/cat")
    with pytest.raises(BitrainError, match=r"cifar10/train: classes .*; expected airplane, auto"):
        load_dataset("cifar10", tmp_path)


def refuses(path, message: str) -> None:
    with pytest.raises(BitrainError) as error:
        load_dataset("images", path)
    assert str(error.value) == message


@every_way
def test_mixed_sizes(folder, packer) -> None:
    (folder / "train/cat/9.png").write_bytes(encode(np.zeros((4, 6, 3), np.uint8)))
    path = pack(folder, packer)
    refuses(
        path,
        f"{path}/train/cat/9.png: 6 x 4 RGB, expected 5 x 4 RGB like train/Zebra/b.png; all images "
        "need one size and one mode",
    )


def test_mixed_modes(folder) -> None:
    (folder / "train/cat/9.png").write_bytes(encode(draw(None)))
    refuses(
        folder,
        f"{folder}/train/cat/9.png: 5 x 4 grey, expected 5 x 4 RGB like train/Zebra/b.png; all "
        "images need one size and one mode",
    )


def test_test_images_of_another_size(folder) -> None:
    for name in ("cat/a.png", "dog/c.png"):
        (folder / "test" / name).write_bytes(encode(np.zeros((4, 6, 3), np.uint8)))
    refuses(
        folder,
        f"{folder}/test: images of 4 x 6 x 3, expected 4 x 5 x 3 (height, width, channels)",
    )


@pytest.mark.parametrize(
    ("pixels", "mode"),
    [
        (np.dstack([draw(), np.full(SIZE, 254, np.uint8)]), "RGBA"),
        (np.full(SIZE, 65535, np.uint16), "I;16"),
    ],
)
def test_other_modes(folder, pixels, mode) -> None:
    (folder / "train/cat/9.png").write_bytes(encode(pixels))
    refuses(
        folder,
        f"{folder}/train/cat/9.png: Pillow's mode {mode}, expected 8-bit grey or RGB and nothing "
        "transparent; convert it",
    )


@pytest.mark.parametrize("part", ["train", "test"])
@every_way
def test_missing_part(folder, part, packer) -> None:
    shutil.rmtree(folder / part)
    path = pack(folder, packer)
    refuses(path, f"{path}: no image in {part}/<class>/; both train and test are read")


@pytest.mark.parametrize(
    "name", ["train/cat/x.webp", "test/x.png", "train/cat/more/x.png", "train/dog/png", "train/x"]
)
@every_way
def test_other_file(folder, name, packer) -> None:
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(encode(draw()))
    path = pack(folder, packer)
    # In a folder, what lies too deep is known by the folder that holds it.
    shown = name if packer != "folder" or "more" not in name else "train/cat/more"
    refuses(
        path,
        f"{path}/{shown}: expected {name.split('/')[0]}/<class>/<image> with the image one of "
        ".bmp, .jpeg, .jpg, .png; convert it or take it away",
    )


@pytest.mark.parametrize("name", ["train/emu", "train/cat", "test/cat", "test/Zebra", "test/emu"])
@every_way
def test_empty_folder_of_a_class(folder, packer, name) -> None:
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).mkdir()
    (folder / name / ".DS_Store").write_text("not read")
    (folder / "train/.cache").mkdir()
    (folder / "notes").mkdir()
    path = pack(folder, packer)
    refuses(
        path,
        f"{path}/{name}: no image in this folder of a class; put images in it or take the folder "
        "away",
    )


def test_class_without_test_images(folder) -> None:
    """Nothing is lost: it is trained, and not tested."""
    assert not (folder / "test/Zebra").exists()
    assert load_dataset("images", folder).num_classes == 3


def test_class_without_training_images(folder) -> None:
    (folder / "test/emu").mkdir()
    (folder / "test/emu/1.png").write_bytes(encode(draw()))
    refuses(folder, f"{folder}/test/emu/1.png: class emu is not in train")


def test_one_class(folder) -> None:
    for name in ("train/dog", "train/Zebra", "test/dog"):
        shutil.rmtree(folder / name)
    refuses(folder, f"{folder}/train: one class, expected two or more")


PNG = encode(PIXELS[0])


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", PNG[:60], PNG[:40] + bytes(8) + PNG[48:], encode(PIXELS[0], "TIFF")],
)
@every_way
def test_spoilt_image(folder, content, packer) -> None:
    (folder / "train/cat/9.png").write_bytes(content)
    path = pack(folder, packer)
    with pytest.raises(
        BitrainError, match=r"train/cat/9\.png: cannot be read \([^<]+\); get the file"
    ):
        load_dataset("images", path)


def test_spoilt_zip(folder) -> None:
    path = zip_folder(folder)
    whole = path.read_bytes()
    for content in (b"", b"<html>", whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(BitrainError, match=r"pets\.zip: cannot be read \(.+\); get the file"):
            load_dataset("images", path)
    at = whole.index(PNG)
    path.write_bytes(whole[: at + 20] + bytes(9) + whole[at + 29 :])
    with pytest.raises(
        BitrainError, match=r"pets\.zip/train/Zebra/b\.png: cannot be read \(Bad CRC"
    ):
        load_dataset("images", path)


def test_zip_with_a_password(folder) -> None:
    path = zip_folder(folder)
    content = bytearray(path.read_bytes())
    for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        for found in re.finditer(magic, content):
            content[found.start() + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(BitrainError, match=r"png: cannot be read \(File .* is encrypted, password"):
        load_dataset("images", path)


def test_zip_of_one_file(tmp_path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README", "nothing")
    refuses(path, f"{path}: no image in train/<class>/; both train and test are read")


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


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (png(1, 0, b"\x5f"), [0, 255, 0, 255, 255, 255, 255, 255]),
        (png(2, 0, b"\x1b"), [0, 85, 170, 255]),
        (png(4, 0, b"\x7f"), [119, 255]),
        (png(8, 4, b"\x7f\xff\xfe\xff"), [127, 254]),
    ],
)
def test_pixels_of_few_bits(tmp_path, content, wanted) -> None:
    """White is white, however many bits it has in the file."""
    for name in ("train/a", "train/b", "test/a"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").write_bytes(content)
    found = load_dataset("images", tmp_path).train_images
    np.testing.assert_array_equal(found[0, 0, 0], np.float32(wanted) / 255)


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (png(16, 2, b"\xff\xff\x80\xff\x00\xff"), "RGB of 16 bits"),
        (png(16, 6, b"\xff" * 8), "RGBA of 16 bits"),
        (png(16, 4, b"\xff" * 4), "RGBA of 16 bits"),
    ],
)
def test_colours_of_16_bits(folder, content, mode) -> None:
    """Pillow would leave half of the bits out."""
    (folder / "train/cat/9.png").write_bytes(content)
    refuses(
        folder,
        f"{folder}/train/cat/9.png: Pillow's mode {mode}, expected 8-bit grey or RGB and nothing "
        "transparent; convert it",
    )


def test_pixels_of_the_wrong_scale(folder) -> None:
    """Masks or labels that were saved as they are."""
    for name in FILES[:5]:
        (folder / name).write_bytes(encode(draw() % 2, "BMP" if name.endswith("bmp") else "PNG"))
    refuses(
        folder,
        f"{folder}/train: the largest pixel is 1, expected 0 … 255 with white at 255 (uint8); "
        "multiply all by 255 if that is white, and write them again",
    )


TURNED = {
    2: lambda shown: shown[:, ::-1],
    3: lambda shown: shown[::-1, ::-1],
    4: lambda shown: shown[::-1],
    5: lambda shown: shown.swapaxes(0, 1),
    6: lambda shown: shown.swapaxes(0, 1)[::-1],
    7: lambda shown: shown.swapaxes(0, 1)[::-1, ::-1],
    8: lambda shown: shown.swapaxes(0, 1)[:, ::-1],
}
"""What a file of each orientation holds: TIFF 6.0, section 8, tag 274."""


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = value
    return exif


@pytest.mark.parametrize("value", TURNED)
@pytest.mark.parametrize("file_format", ["PNG", "JPEG"])
def test_orientation(folder, value, file_format) -> None:
    name = "9.png" if file_format == "PNG" else "9.jpg"
    grey = 255 * np.array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 1]])
    shown = np.repeat(grey[..., None], 3, 2).astype(np.uint8)
    stream = io.BytesIO()
    held = np.ascontiguousarray(TURNED[value](shown))
    options = {"quality": 100, "subsampling": 0} if file_format == "JPEG" else {}
    Image.fromarray(held).save(stream, file_format, exif=orientation(value), **options)
    (folder / "train/cat/9.png").unlink()
    (folder / "train/cat" / name).write_bytes(stream.getvalue())
    found = load_dataset("images", folder).train_images[2]
    np.testing.assert_allclose(found, shown.transpose(2, 0, 1) / 255, atol=0.03)


def test_spoilt_orientation(folder) -> None:
    """As every viewer shows it: as it lies in the file."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS[2]).save(stream, "PNG", exif=orientation(6).tobytes()[:-9])
    (folder / "train/cat/9.png").write_bytes(stream.getvalue())
    check(load_dataset("images", folder), "pets")


@pytest.mark.slow
def test_real_images(shared_data, tmp_path) -> None:
    """Four images of each class: all 60,000 take half a minute."""
    whole = shared_data / "cifar10" / "cifar10-images.tar.xz"
    with tarfile.open(whole, "r|xz") as source, tarfile.open(tmp_path / "part.tgz", "w:gz") as part:
        for member in source:
            if "/000" in member.name and member.name[-5] in "0123":
                part.addfile(member, source.extractfile(member))
    data = load_dataset("cifar10", tmp_path)
    assert data.train_images.shape == data.test_images.shape == (40, 3, 32, 32)
    np.testing.assert_array_equal(data.train_labels, np.repeat(np.arange(10), 4))
    assert data.note == "CIFAR-10, image folder part.tgz (JPEG, lossy)"
    assert 0.3 < data.train_images.mean() < 0.6
