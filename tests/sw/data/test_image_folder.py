"""Image files in a folder or an archive of one."""

import io
import re
import shutil
import tarfile
import zipfile

import numpy as np
import pytest
from image_trees import (
    FILES,
    PIXELS,
    SIZE,
    check,
    draw,
    encode,
    every_way,
    pack,
    png,
    refuses,
    zip_folder,
)
from PIL import Image

from bitrain.data import load_dataset
from bitrain.data.known import KNOWN
from bitrain.spec import BitrainError


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


@every_way
def test_mixed_sizes(folder, packer) -> None:
    (folder / "train/cat/9.png").write_bytes(encode(np.zeros((4, 6, 3), np.uint8)))
    path = pack(folder, packer)
    refuses(
        path,
        f"{path}/train/cat/9.png: 6 x 4 RGB, expected 5 x 4 RGB like train/Zebra/b.png; resize: 32 "
        "in `data` (--resize 32) brings all images to one size",
    )


def test_mixed_modes(folder) -> None:
    (folder / "train/cat/9.png").write_bytes(encode(draw(None)))
    refuses(
        folder,
        f"{folder}/train/cat/9.png: 5 x 4 grey, expected 5 x 4 RGB like train/Zebra/b.png; all "
        "images need one mode; convert it",
    )


def test_test_images_of_another_size(folder) -> None:
    for name in ("cat/a.png", "dog/c.png"):
        (folder / "test" / name).write_bytes(encode(np.zeros((4, 6, 3), np.uint8)))
    refuses(
        folder,
        f"{folder}/test: images of 4 x 6 x 3, expected 4 x 5 x 3 (height, width, channels)",
    )


@pytest.mark.parametrize(
    ("content", "mode"),
    [
        (encode(np.dstack([draw(), np.full(SIZE, 254, np.uint8)])), "RGBA"),
        (encode(np.full(SIZE, 65535, np.uint16)), "I;16"),
        # Of colours of 16 bits Pillow would leave half of the bits out.
        (png(16, 2, b"\xff\xff\x80\xff\x00\xff"), "RGB of 16 bits"),
        (png(16, 6, b"\xff" * 8), "RGBA of 16 bits"),
        (png(16, 4, b"\xff" * 4), "RGBA of 16 bits"),
    ],
)
def test_other_modes(folder, content, mode) -> None:
    (folder / "train/cat/9.png").write_bytes(content)
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
    mend = f", or {path}/train alone, which can be split (--split 0.2)" if part == "test" else ""
    mend = mend if path.is_dir() else ""
    refuses(path, f"{path}: no image in {part}/<class>/; both train and test are read{mend}")


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
    refuses(path, f"{path}: no image in <class>/")


@pytest.mark.parametrize("name", ["/train/cat/x.png", "../train/cat/x.png", "train/../x.png"])
@pytest.mark.parametrize("packer", ["zip", "tar"])
def test_names_that_leave_the_archive(folder, packer, name) -> None:
    path = pack(folder, packer)
    if packer == "zip":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, "")
    else:
        with tarfile.open(path, "a") as archive:
            archive.addfile(tarfile.TarInfo(name))
    refuses(
        path,
        f"{path}: the member {name} leaves the archive, expected names below its top folder; "
        "pack the folder again from within it",
    )


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
