"""Data as people have it: each layout is read right, or refused with the remedy."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bitrain.data import Dataset, load_dataset
from bitrain.spec import BitrainError

RNG = np.random.default_rng(0)
CLASSES = ("cat", "dog", "emu")
LABELS = np.repeat([0, 1, 2], 4)
IMAGES = RNG.integers(0, 256, (12, 6, 5, 3), np.uint8)
"""Their mean pixel says which is which."""
OTHERS = IMAGES[::4]
GREY = RNG.integers(0, 256, (12, 28, 28), np.uint8)


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def files_of(images: np.ndarray, labels: np.ndarray) -> dict[str, bytes]:
    """Names below a part, and contents."""
    return {
        f"{CLASSES[label]}/{i:02}.png": png(image)
        for i, (image, label) in enumerate(zip(images, labels, strict=True))
    }


def tree(folder: Path, **parts: dict[str, bytes]) -> Path:
    for part, files in parts.items():
        for name, content in files.items():
            path = folder / (f"{part}/{name}" if part != "whole" else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


ALL, FEW = files_of(IMAGES, LABELS), files_of(OTHERS, LABELS[::4])


def saved(**arrays: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "set.npz", **arrays)
        return folder / "set.npz"

    return write


def idx(array: np.ndarray) -> bytes:
    header = np.array([8 << 8 | array.ndim, *array.shape], ">u4")
    return header.tobytes() + array.astype(np.uint8).tobytes()


def idx_files(*names: str, first: int = 0) -> Callable[[Path], Path]:
    """Of training images and labels, test images and labels."""

    def write(folder: Path) -> Path:
        labels = np.arange(12) % 10 + first
        contents = [idx(GREY), idx(labels), idx(GREY[:10]), idx(labels[:10])]
        for name, content in zip(names, contents, strict=True):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return folder

    return write


def tarred(folder: Path) -> Path:
    with tarfile.open(folder / "set.tar.gz", "w:gz") as archive:
        for name, content in ALL.items():
            member = tarfile.TarInfo(f"pets/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder / "set.tar.gz"


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for name, content in ALL.items():
            archive.writestr(name, content)
    return folder / "set.zip"


def npy_files(folder: Path) -> Path:
    arrays = {"X_train": IMAGES, "y_train": LABELS, "X_test": OTHERS, "y_test": LABELS[::4]}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


X = {"x_train": IMAGES, "x_test": OTHERS}
Y = {"y_train": LABELS, "y_test": LABELS[::4]}
ONE_HOT = {name: np.eye(3)[labels] for name, labels in Y.items()}
RAW = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TESTS = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SPLIT = {"split": 0.25}

READ: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str]] = {
    "keras": (saved(**X, **Y), {}, ""),
    "upper_case": (saved(**{name.upper(): array for name, array in (X | Y).items()}), {}, ""),
    "other_order": (
        saved(train_x=IMAGES, train_y=LABELS, test_x=OTHERS, test_y=LABELS[::4]),
        {},
        "",
    ),
    "targets": (
        saved(train_data=IMAGES, train_targets=LABELS, test_data=OTHERS, test_targets=LABELS[::4]),
        {},
        "",
    ),
    "channels_first": (
        saved(**{name: array.transpose(0, 3, 1, 2) for name, array in X.items()}, **Y),
        {},
        "channels first",
    ),
    "one_hot": (saved(**X, **ONE_HOT), {}, "one-hot labels"),
    "one_hot_booleans": (
        saved(**X, **{name: array.astype(bool) for name, array in ONE_HOT.items()}),
        {},
        "one-hot labels",
    ),
    "column": (saved(**X, **{name: array[:, None] for name, array in Y.items()}), {}, ""),
    "from_one": (saved(**X, **{name: array + 1 for name, array in Y.items()}), {}, "labels from 1"),
    "real_labels": (saved(**X, **{name: array * 1.0 for name, array in Y.items()}), {}, ""),
    "names": (saved(**X, **{name: np.array(CLASSES)[array] for name, array in Y.items()}), {}, ""),
    "validation_alone": (
        saved(x_train=IMAGES, y_train=LABELS, x_val=OTHERS, y_val=LABELS[::4]),
        {},
        "tested on x_val",
    ),
    "validation_too": (saved(**X, **Y, x_val=OTHERS, y_val=LABELS[::4]), {}, "without x_val"),
    "not_split": (saved(images=IMAGES, labels=LABELS), SPLIT, "25% of each class for the test"),
    "x_and_y": (saved(X=IMAGES, y=LABELS), SPLIT, "25% of each class for the test"),
    "npy_files": (npy_files, {}, ""),
    "val_folder": (lambda folder: tree(folder, train=ALL, val=FEW), {}, ""),
    "val_beside_test": (
        lambda folder: tree(folder, train=ALL, val=FEW, test=FEW),
        {},
        "without val",
    ),
    "other_folders": (lambda folder: tree(folder, Training=ALL, Testing=FEW), {}, ""),
    "folders_of_classes": (lambda folder: tree(folder, whole=ALL), SPLIT, "25% of each class"),
    "with_a_readme": (
        lambda folder: tree(folder, whole={**ALL, "README.txt": b"pets", "a.csv": b"1"}),
        SPLIT,
        "25% of each class",
    ),
    "zip_of_classes": (zipped, SPLIT, "25% of each class"),
    "tar_of_classes": (tarred, SPLIT, "25% of each class"),
}


def is_right(data: Dataset) -> None:
    """Every image has its own label."""
    pairs = zip(IMAGES, LABELS, strict=True)
    known = {image.transpose(2, 0, 1).tobytes(): label for image, label in pairs}
    parts = (data.train_images, data.train_labels), (data.test_images, data.test_labels)
    for images, labels in parts:
        found = [known[np.rint(image * 255).astype(np.uint8).tobytes()] for image in images]
        assert found == labels.tolist()
        assert set(found) == {0, 1, 2}


@pytest.mark.parametrize("name", READ)
def test_read(name, tmp_path) -> None:
    write, options, told = READ[name]
    data = load_dataset("images", write(tmp_path), **options)
    is_right(data)
    assert told in data.note
    assert len(data.train_labels) + len(data.test_labels) == (12 if options else 15)


IDX = {
    "torchvision": idx_files(*(f"MNIST/raw/{name}" for name in (*RAW, *TESTS))),
    "torchvision_raw": idx_files(*(f"raw/{name}.gz" for name in (*RAW, *TESTS))),
    "dots": idx_files(*(name.replace("-idx", ".idx") for name in (*RAW, *TESTS))),
    "kaggle": idx_files(
        *(f"{name}/{name.replace('.idx', '-idx')}" for name in (*RAW, *TESTS)),
    ),
    "emnist": idx_files(
        *(f"emnist-mnist-{name}" for name in RAW),
        *(f"emnist-mnist-{name.replace('t10k', 'test')}" for name in TESTS),
    ),
    "from_one": idx_files(*RAW, *TESTS, first=1),
}


@pytest.mark.parametrize("name", IDX)
def test_idx(name, tmp_path) -> None:
    data = load_dataset("mnist", IDX[name](tmp_path))
    assert data.train_labels.tolist() == (np.arange(12) % 10).tolist()
    assert np.array_equal(np.rint(data.train_images[:, 0] * 255), GREY)


def test_rows_of_pixels(tmp_path) -> None:
    flat = saved(x_train=GREY.reshape(12, -1), y_train=np.arange(12) % 10)
    np.savez(
        flat(tmp_path),
        x_train=GREY.reshape(12, -1),
        y_train=np.arange(12) % 10,
        x_test=GREY.reshape(12, -1)[:10],
        y_test=np.arange(10),
    )
    data = load_dataset("mnist", tmp_path)
    assert np.array_equal(np.rint(data.train_images[:, 0] * 255), GREY)
    assert data.note.endswith("rows of pixels")


@pytest.mark.parametrize("kind", ["png", "array", "grey", "float"])
def test_resized(kind, tmp_path) -> None:
    """By Pillow's bilinear filter, whatever they were."""
    if kind == "png":
        sizes = [IMAGES[0], IMAGES[0][:4], *IMAGES[2:]]
        odd = {name: png(image) for name, image in zip(ALL, sizes, strict=True)}
        path = tree(tmp_path, train=odd, test=FEW)
    else:
        of = {"array": IMAGES, "grey": IMAGES[..., 0], "float": (IMAGES / 255).astype(np.float32)}
        images = of[kind]
        path = saved(x_train=images, x_test=images[::4], **Y)(tmp_path)
    data = load_dataset("images", path, resize=(12, 10))
    assert data.in_shape[1:] == (12, 10)
    assert data.note.endswith("resized to 12 x 10")
    wanted = np.asarray(Image.fromarray(IMAGES[2]).resize((10, 12), Image.Resampling.BILINEAR))
    assert np.abs(data.train_images[2, 0] * 255 - wanted[..., 0]).max() <= 1


def test_a_known_set_in_another_size(tmp_path) -> None:
    data = load_dataset("mnist", idx_files(*RAW, *TESTS)(tmp_path), resize=(32, 32))
    assert data.in_shape == (1, 32, 32)
    with pytest.raises(BitrainError, match="images of 27 x 28 x 1, expected 28 x 28 x 1"):
        odd = saved(x_train=GREY[:, 1:], y_train=LABELS, x_test=GREY[:, 1:], y_test=LABELS)
        load_dataset("mnist", odd(tmp_path), resize=(32, 32))


REFUSED: dict[str, tuple[Callable[[Path], Path], dict[str, Any], str]] = {
    "no_test": (saved(images=IMAGES, labels=LABELS), {}, r"no test part; split: 0\.2 in `data`"),
    "no_test_folder": (
        lambda folder: tree(folder, whole=ALL),
        {},
        r"no test part; split: 0\.2 in `data` \(--split 0\.2\) takes a fifth of each class",
    ),
    "split_twice": (saved(**X, **Y), SPLIT, r"split = 0\.25: .* has a test part of its own; leave"),
    "too_small_a_share": (
        saved(images=IMAGES, labels=LABELS),
        {"split": 0.1},
        r"split = 0\.1: .* 12 images of 3 classes; each class needs one or more in both parts",
    ),
    "two_of_one_kind": (
        saved(x_train=IMAGES, train_images=IMAGES, **Y),
        {},
        "train_images and x_train are both train images; keep one of them",
    ),
    "no_labels": (saved(**X), {}, "no array of train labels; expected train_images, train_labels"),
    "unknown_names": (saved(a=IMAGES, b=LABELS), {}, "no array of images; expected train_images"),
    "flattened": (
        saved(x_train=IMAGES.reshape(12, -1), x_test=OTHERS.reshape(3, -1), **Y),
        {},
        "an array of 12 x 90, expected images x height x width",
    ),
    "two_train_folders": (
        lambda folder: tree(folder, train=ALL, training=ALL, test=FEW),
        {},
        "train and training are both the train part; keep one of them",
    ),
    "image_beside_classes": (
        lambda folder: tree(folder, whole={**ALL, "odd.png": png(IMAGES[0])}),
        SPLIT,
        r"odd\.png: expected <class>/<image>",
    ),
    "label_of_no_class": (
        saved(**X, y_train=np.array(CLASSES)[LABELS], y_test=np.array(["cat", "dog", "gnu"])),
        {},
        "label 'gnu' is not among the training labels",
    ),
    "sizes": (
        lambda folder: tree(folder, train=ALL, test={**FEW, "cat/x.png": png(IMAGES[0][:4])}),
        {},
        r"5 x 4 RGB, expected 5 x 6 RGB .*; resize: 32 in `data` \(--resize 32\) brings all",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name, tmp_path) -> None:
    write, options, message = REFUSED[name]
    with pytest.raises(BitrainError, match=message):
        load_dataset("images", write(tmp_path), **options)


def test_several_sets_in_a_folder(tmp_path) -> None:
    idx_files(*(f"a-{name}" for name in (*RAW, *TESTS)))(tmp_path)
    idx_files(*(f"b-{name}" for name in (*RAW, *TESTS)))(tmp_path)
    with pytest.raises(
        BitrainError, match=r"several data sets \(a-train.*, b-train.*\); put the fo"
    ):
        load_dataset("mnist", tmp_path)


def test_the_same_split_each_time(tmp_path) -> None:
    path = saved(images=IMAGES, labels=LABELS)(tmp_path)
    digests = {load_dataset("images", path, split=0.25).digest for _ in range(2)}
    assert len(digests) == 1
    data = load_dataset("images", path, split=0.25)
    assert np.bincount(data.test_labels).tolist() == [1, 1, 1]


def test_digits_have_parts_and_a_size() -> None:
    with pytest.raises(BitrainError, match="leave split and resize out"):
        load_dataset("digits", resize=(4, 4))
