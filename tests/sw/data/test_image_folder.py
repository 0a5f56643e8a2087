"""Image files in a folder or a zip file."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from bitrain.data import load_dataset
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


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "JPEG"])
def test_grey(tmp_path, file_format) -> None:
    suffix = {"JPEG": "jpg"}.get(file_format, file_format.lower())
    pixels = np.full(SIZE, 51, np.uint8)
    for name in ("train/a", "train/b", "test/a"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / f"1.{suffix}").write_bytes(encode(pixels, file_format))
    data = load_dataset("images", tmp_path)
    assert data.in_shape == (1, *SIZE)
    np.testing.assert_array_equal(data.train_images, np.full((2, 1, *SIZE), np.float32(0.2)))
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
    images = np.zeros((32, 32, 3), np.uint8)
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


@pytest.mark.parametrize("zipped", [False, True])
def test_mixed_sizes(folder, zipped) -> None:
    (folder / "train/cat/9.png").write_bytes(encode(np.zeros((4, 6, 3), np.uint8)))
    path = zip_folder(folder) if zipped else folder
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
        (np.zeros(SIZE, np.uint16), "I;16"),
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
@pytest.mark.parametrize("zipped", [False, True])
def test_missing_part(folder, part, zipped) -> None:
    shutil.rmtree(folder / part)
    path = zip_folder(folder) if zipped else folder
    refuses(path, f"{path}: no image in {part}/<class>/; both train and test are read")


@pytest.mark.parametrize(
    "name", ["train/cat/x.webp", "test/x.png", "train/cat/more/x.png", "train/dog/png", "train/x"]
)
@pytest.mark.parametrize("zipped", [False, True])
def test_other_file(folder, name, zipped) -> None:
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(encode(draw()))
    path = zip_folder(folder) if zipped else folder
    # In a folder, what lies too deep is known by the folder that holds it.
    shown = name if zipped or "more" not in name else "train/cat/more"
    refuses(
        path,
        f"{path}/{shown}: expected {name.split('/')[0]}/<class>/<image> with the image one of "
        ".bmp, .jpeg, .jpg, .png; convert it or take it away",
    )


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
@pytest.mark.parametrize("zipped", [False, True])
def test_spoilt_image(folder, content, zipped) -> None:
    (folder / "train/cat/9.png").write_bytes(content)
    path = zip_folder(folder) if zipped else folder
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


def test_zip_of_one_file(tmp_path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README", "nothing")
    refuses(path, f"{path}: no image in train/<class>/; both train and test are read")


def test_real_images(shared_data, tmp_path) -> None:
    """Four images of each class: all 60,000 take ten seconds."""
    with (
        zipfile.ZipFile(shared_data / "cifar10" / "cifar10-images.zip") as whole,
        zipfile.ZipFile(tmp_path / "part.zip", "w") as part,
    ):
        names = [name for name in whole.namelist() if "/000" in name and name[-5] in "0123"]
        for name in names:
            part.writestr(name, whole.read(name))
    data = load_dataset("cifar10", tmp_path)
    assert data.train_images.shape == data.test_images.shape == (40, 3, 32, 32)
    np.testing.assert_array_equal(data.train_labels, np.repeat(np.arange(10), 4))
    assert data.note == "CIFAR-10, image folder part.zip (JPEG, lossy)"
    assert 0.3 < data.train_images.mean() < 0.6
