"""Data sets by name, and finding their files."""

import numpy as np
import pytest

from bitrain.data import list_datasets, load_dataset
from bitrain.spec import BitrainError

EXPECTED = (
    "the four IDX files of MNIST; cifar-10-batches-py; images in train/<class>/ and test/<class>/ "
    "or in <class>/, or a .zip of these; a .tar, .tar.gz, .tar.xz or .tar.bz2 of such images or "
    "batches; an .npz file of arrays; a folder of .npy files"
)


def refuses(name, place, message: str) -> None:
    with pytest.raises(BitrainError) as error:
        load_dataset(name, place)
    assert str(error.value) == message


def save(path, value: int = 128) -> None:
    images, labels = np.full((2, 3, 3), value, np.uint8), np.array([0, 1])
    path.parent.mkdir(exist_ok=True)
    np.savez(path, train_images=images, train_labels=labels, test_images=images, test_labels=labels)


def test_names() -> None:
    assert list_datasets() == ["cifar10", "digits", "fashion_mnist", "images", "mnist"]


def test_digits_read_no_files(tmp_path) -> None:
    with pytest.raises(BitrainError, match="reads no files; leave the data dir out"):
        load_dataset("digits", tmp_path)


def test_unknown_name() -> None:
    refuses(
        "cifar",
        None,
        "data set 'cifar' is unknown; choose one of "
        "['cifar10', 'digits', 'fashion_mnist', 'images', 'mnist']",
    )


def test_own_images_without_a_data_dir() -> None:
    refuses("images", None, f"data set images is your own: give its data dir ({EXPECTED})")


def test_missing_data_dir(tmp_path) -> None:
    path = tmp_path / "nowhere"
    refuses("mnist", path, f"{path}: no such file or folder; the data dir of mnist is {EXPECTED}")


@pytest.mark.parametrize("name", ["", "data.rar", "train", "train.png"])
def test_nothing_to_read(tmp_path, name) -> None:
    path = tmp_path / name
    if name:
        path.write_bytes(b"?")
    refuses("cifar10", path, f"{path}: nothing that can be read as cifar10; expected {EXPECTED}")


def test_several_data_sets(tmp_path) -> None:
    save(tmp_path / "b.npz")
    save(tmp_path / "a.npz")
    refuses(
        "images",
        tmp_path,
        f"{tmp_path}: several data sets (a.npz, b.npz); give one as the data dir",
    )


def test_folder_of_the_name_comes_first(tmp_path) -> None:
    save(tmp_path / "a.npz")
    save(tmp_path / "images" / "b.npz", 255)
    assert load_dataset("images", tmp_path).train_images.min() == 1


def test_home_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path / "a.npz")
    assert load_dataset("images", "~/a.npz").num_classes == 2
