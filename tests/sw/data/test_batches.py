"""The batches of CIFAR-10: what is read, and that no pickle runs anything."""

import gzip
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest
from image_trees import new_tar

from bitrain.data import load_dataset
from bitrain.data.known import KNOWN
from bitrain.spec import BitrainError

NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
CLASSES = KNOWN["cifar10"].classes
COUNT = 3
PIXELS = np.random.default_rng(0).integers(0, 256, (len(NAMES), COUNT, 3072), np.uint8)
NUMBERS = np.arange(len(NAMES) * COUNT).reshape(-1, COUNT) % 10


def batch(index: int, **changes) -> dict:
    return {"data": PIXELS[index], "labels": NUMBERS[index].tolist()} | changes


def python2_pickle(pixels: np.ndarray, labels: list[int]) -> bytes:
    """What cPickle of Python 2 writes at protocol 2: text and bytes are one type, SHORT_BINSTRING
    or BINSTRING, and the module is numpy.core.multiarray."""

    def text(content: bytes) -> bytes:
        return b"T" + struct.pack("<i", len(content)) + content

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    dtype = b"cnumpy\ndtype\n" + text(b"u1") + number(0) + number(1) + b"\x87R"
    dtype += b"(" + number(3) + text(b"|") + b"NNN" + 2 * number(-1) + number(0) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\n"
    array += b"cnumpy\nndarray\n" + number(0) + b"\x85" + text(b"b") + b"\x87R"
    shape = number(pixels.shape[0]) + number(pixels.shape[1]) + b"\x86"
    array += b"(" + number(1) + shape + dtype + b"\x89" + text(pixels.tobytes()) + b"tb"
    items = text(b"data") + array
    items += text(b"labels") + b"](" + b"".join(map(number, labels)) + b"e"
    return b"\x80\x02}(" + items + b"u."


def contents(protocol: int) -> dict[str, bytes]:
    result = {}
    for index, name in enumerate(NAMES):
        if protocol:
            result[name] = pickle.dumps(batch(index), protocol)
        else:
            result[name] = python2_pickle(PIXELS[index], NUMBERS[index].tolist())
    return result


def test_python2_pickle_is_one() -> None:
    found = pickle.loads(contents(0)["test_batch"], encoding="latin1")
    np.testing.assert_array_equal(found["data"], PIXELS[-1])
    assert found["labels"] == NUMBERS[-1].tolist()


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name, content in contents(2).items():
        (folder / name).write_bytes(content)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(CLASSES)}, 2))
    return folder


def check(data, note: str) -> None:
    assert data.classes == CLASSES
    wanted = PIXELS.reshape(-1, 3, 32, 32).astype(np.float32) / 255
    np.testing.assert_array_equal(data.train_images, wanted[: 5 * COUNT])
    np.testing.assert_array_equal(data.test_images, wanted[5 * COUNT :])
    np.testing.assert_array_equal(data.train_labels, NUMBERS[:5].ravel())
    np.testing.assert_array_equal(data.test_labels, NUMBERS[5])
    assert data.note == f"CIFAR-10, pickled batches {note}"


@pytest.mark.parametrize("protocol", [0, 2, 3, 4])
def test_read(folder, protocol) -> None:
    for name, content in contents(protocol).items():
        (folder / name).write_bytes(content)
    (folder / "readme.html").write_text("nothing")
    for place in (folder, folder.parent):
        check(load_dataset("cifar10", place), "cifar-10-batches-py")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("cifar-10-python.tar.gz", "gz"), ("mine.tgz", "xz"), ("mine.tar.xz", "xz"), ("a.tar", "")],
)
def test_archive(folder, tmp_path, name, kind) -> None:
    path = tmp_path / "data" / name
    path.parent.mkdir()
    with new_tar(path, kind) as archive:
        archive.add(folder, folder.name)
    for place in (path, path.parent):
        check(load_dataset("cifar10", place), name)


def test_folder_beside_its_archive(folder) -> None:
    (folder.parent / "cifar-10-python.tar.gz").write_bytes(b"")
    check(load_dataset("cifar10", folder.parent), "cifar-10-batches-py")


def test_no_names_of_classes(folder) -> None:
    (folder / "batches.meta").unlink()
    check(load_dataset("cifar10", folder), "cifar-10-batches-py")


def test_fortran_order(folder) -> None:
    content = pickle.dumps(batch(0, data=np.asfortranarray(PIXELS[0])), 2)
    (folder / NAMES[0]).write_bytes(content)
    check(load_dataset("cifar10", folder), "cifar-10-batches-py")


class Attack:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("where", ["data", "labels", "extra"])
def test_nothing_is_run(folder, tmp_path, where) -> None:
    target = tmp_path / "attacked"
    content = pickle.dumps(batch(2, **{where: Attack(target)}), 2)
    (folder / NAMES[2]).write_bytes(content)
    with pytest.raises(BitrainError) as error:
        load_dataset("cifar10", folder)
    assert not target.exists()
    assert str(error.value) == (
        f"{folder}/data_batch_3: no batch of CIFAR-10 (it asks for {os.mkdir.__module__}.mkdir); "
        "get the original file"
    )
    pickle.loads(content)
    assert target.exists(), "the attack would do nothing anyway"


def refuses(place, message: str) -> None:
    with pytest.raises(BitrainError) as error:
        load_dataset("cifar10", place)
    assert str(error.value) == message


@pytest.mark.parametrize("name", NAMES)
def test_missing_batch(folder, name) -> None:
    (folder / name).unlink()
    refuses(folder, f"{folder}: no {name}; get all files of cifar-10-batches-py")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "no dictionary; get the original file"),
        ({}, "no 'data' and 'labels'; get the original file"),
        (batch(0, data=[1, 2]), "no 'data' and 'labels'; get the original file"),
        (batch(0, labels=(1, 2, 3)), "no 'data' and 'labels'; get the original file"),
        (
            batch(0, data=PIXELS[0].astype("i2")),
            "'data' is no array of bytes; get the original file",
        ),
        (
            batch(0, data=PIXELS[0, :, :-1]),
            "data of 3 x 3071 for 3 labels, expected images x 3072 and as many numbers 0 … 9; get "
            "the original file",
        ),
        *(
            (
                batch(0, labels=labels),
                f"data of 3 x 3072 for {len(labels)} labels, expected images x 3072 and as many "
                "numbers 0 … 9; get the original file",
            )
            for labels in ([1, 2], [1, 2, "3"], [1, 2, 10], [1, 2, -1], [1, 2, 1 << 70])
        ),
    ],
)
def test_wrong_batch(folder, content, message) -> None:
    (folder / NAMES[0]).write_bytes(pickle.dumps(content, 2))
    refuses(folder, f"{folder}/data_batch_1: {message}")


@pytest.mark.parametrize("shape", [(4, 3072), ("a",), 1 << 80])
def test_shape_that_does_not_suit_the_data(folder, shape) -> None:
    class Lie(np.ndarray):
        def __reduce__(self):
            make, arguments, (version, _, *rest) = np.asarray(self).__reduce__()
            return make, arguments, (version, shape, *rest)

    (folder / NAMES[0]).write_bytes(pickle.dumps(batch(0, data=PIXELS[0].view(Lie)), 2))
    refuses(folder, f"{folder}/data_batch_1: 'data' is no array of bytes; get the original file")


@pytest.mark.parametrize("content", [b"", b"<html>", pickle.dumps(batch(0), 2)[:2000]])
def test_spoilt_batch(folder, content) -> None:
    (folder / NAMES[0]).write_bytes(content)
    with pytest.raises(BitrainError, match=r"data_batch_1: no batch of CIFAR-10 \(.+\); get the"):
        load_dataset("cifar10", folder)


def test_other_classes(folder) -> None:
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}, 2))
    with pytest.raises(BitrainError, match=r"classes a, b, c, .* expected airplane, automobile"):
        load_dataset("cifar10", folder)


def test_spoilt_archive(folder, tmp_path) -> None:
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, folder.name)
    whole = path.read_bytes()
    part = gzip.compress(gzip.decompress(whole)[:9000])
    for content in (b"", b"<html>", whole[:20000], gzip.compress(b"text"), part):
        path.write_bytes(content)
        with pytest.raises(BitrainError, match=r"x.tar.gz: cannot be read \(.+\); get the file"):
            load_dataset("cifar10", path)
