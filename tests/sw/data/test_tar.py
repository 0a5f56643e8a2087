"""Trees of images in tars, plain and compressed."""

import gzip
import lzma
import shutil
import tarfile

import pytest
from image_trees import RNG, check, refuses, tar_folder

from bitrain.data import load_dataset, tar
from bitrain.spec import BitrainError


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

        def seek(self, offset: int, whence: int = 0) -> int:
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
