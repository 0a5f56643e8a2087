"""Images as files in ``train/<class>/`` and ``test/<class>/``: a folder, or a zip or tar of one.

Classes are numbered in the order of their names, images come by class and then by file name, both
in the order of the characters' codes, so that every machine reads the same data set. One thread
decodes: a small image costs more in Python than in the decoder, and threads wait for each other
(measured on JPEG files of 32 x 32: two threads are a fifth slower than one).

A compressed tar cannot be read in another order than its own without being unpacked again and
again. It is read once, and its image files, compressed as they are, are kept until they are
decoded.
"""

import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bitrain.spec import BitrainError

from .progress import SlowProgress
from .raw import LARGEST_FILE, RawData, RawPart, check_size
from .tar import File, split_name, walk_tar

PARTS = ("train", "test")
FORMATS = {".bmp": "BMP", ".jpeg": "JPEG", ".jpg": "JPEG", ".png": "PNG"}
DECODERS = sorted({*FORMATS.values()})
LOSSY = "JPEG"
MODES = {"1": "L", "L": "L", "LA": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGB"}
"""From the modes of Pillow that are read to the one that is kept."""
DEEP = ";16B"
"""At the end of what Pillow calls the pixels of a PNG file with 16 bits; it keeps 8 of colours."""
OPAQUE = (255, 255)
ORIENTED = frozenset(("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp"))
"""Where Pillow puts what may say how the camera was held."""
UPDATE = 256
"""Images between two looks at the clock."""


def find_images(path: Path) -> list[Path]:
    """The folder ``path`` itself where ``train`` or ``test`` is in it, and zip files."""
    folders = [path] if any((path / part).is_dir() for part in PARTS) else []
    zips = (file for file in (path, *path.glob("*")) if file.suffix == ".zip")
    return folders + [file for file in zips if file.is_file()]


def is_in_part(file: File) -> bool:
    """Whether a member of an archive is in ``train`` or ``test``, at the top or a folder below."""
    return any(part in PARTS for part in file[:2])


def read_images(path: Path) -> RawData:
    """Read a folder or an archive; all images need one size and one mode, grey or RGB."""
    with _open(path) as (found, folders, read):
        files = _sort(path, found, folders)
        classes = tuple(sorted({file[1] for file in files["train"]}))
        for file in files["test"]:
            if file[1] not in classes:
                raise BitrainError(f"{_join(path, file)}: class {file[1]} is not in train")
        parts = {}
        for name in PARTS:
            images = _decode(path, files[name], read)
            labels = np.array([classes.index(file[1]) for file in files[name]], np.int64)
            where = f"{path}/{name}"
            parts[name] = RawPart(
                images=images, labels=labels, images_from=where, labels_from=where
            )
    formats = sorted({FORMATS[_suffix(file)] for name in PARTS for file in files[name]})
    lossy = ", lossy" if LOSSY in formats else ""
    form = f"image folder {path.resolve().name} ({' and '.join(formats)}{lossy})"
    return RawData(**parts, classes=classes, form=form)


Read = Callable[[File], bytes]


@contextmanager
def _open(path: Path) -> Iterator[tuple[list[File], list[File], Read]]:
    """The files and the folders below what holds ``train``, and what reads a file."""
    if path.is_dir():
        found = [entry for part in PARTS for entry in (path / part).glob("*")]
        folders = [entry for entry in found if entry.is_dir()]
        files = [entry for entry in found if entry.is_file()]
        files += [file for part in PARTS for file in (path / part).glob("*/*")]
        yield (
            [file.parts[len(path.parts) :] for file in files],
            [folder.parts[len(path.parts) :] for folder in folders],
            lambda file: path.joinpath(*file).read_bytes(),
        )
        return
    opener = _open_zip if path.suffix == ".zip" else _open_tar
    with opener(path) as (files, folders, read):
        # What packs a folder often puts the folder itself first.
        tops = {file[:1] for file in files if _is_visible(file)}
        top = tops.pop() if len(tops) == 1 and not tops & {(part,) for part in PARTS} else ()
        yield (
            [file[len(top) :] for file in files if file[: len(top)] == top],
            [folder[len(top) :] for folder in folders if folder[: len(top)] == top],
            lambda file: read(top + file),
        )


@contextmanager
def _open_zip(path: Path) -> Iterator[tuple[list[File], list[File], Read]]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise BitrainError(f"{path}: cannot be read ({error}); get the file again") from error
    with archive:
        members = {split_name(path, info.filename): info for info in archive.infolist()}
        is_folder = {file: info.filename.endswith("/") for file, info in members.items()}
        folders = [file for file in members if is_folder[file]]
        files = [file for file in members if not is_folder[file]]

        def read(file: File) -> bytes:
            check_size(_join(path, file), members[file].file_size, LARGEST_FILE)
            return archive.read(members[file])

        yield files, folders, read


@contextmanager
def _open_tar(path: Path) -> Iterator[tuple[list[File], list[File], Read]]:
    folders: list[File] = []
    contents: dict[File, bytes | None] = {}
    for file, member, content in walk_tar(path, _is_image):
        if member.isdir():
            folders.append(file)
        else:
            contents[file] = content

    def read(file: File) -> bytes:
        content = contents.pop(file)
        if content is None:
            raise BitrainError(
                f"{_join(path, file)}: a link or a device, expected a file; pack the folder again "
                "with tar --dereference --hard-dereference"
            )
        return content

    yield list(contents), folders, read


def _is_image(file: File) -> bool:
    return _is_visible(file) and is_in_part(file) and _suffix(file) in FORMATS


def _is_visible(file: File) -> bool:
    """Whether it is not one of the files that file managers leave behind."""
    return not any(part.startswith((".", "__MACOSX")) for part in file)


def _suffix(file: File) -> str:
    return "".join(file[-1].rpartition(".")[1:]).lower()


def _join(path: Path, file: File) -> str:
    return "/".join((str(path), *file))


def _sort(path: Path, found: Iterable[File], folders: Iterable[File]) -> dict[str, list[File]]:
    """The image files of each part, in order; each folder of a class must have some."""
    files = {name: [] for name in PARTS}
    for file in sorted(filter(_is_visible, found)):
        if not file or file[0] not in PARTS:
            continue
        if len(file) != 3 or _suffix(file) not in FORMATS:
            raise BitrainError(
                f"{_join(path, file)}: expected {file[0]}/<class>/<image> with the image one of "
                f"{', '.join(FORMATS)}; convert it or take it away"
            )
        files[file[0]].append(file)
    filled = {file[:2] for name in PARTS for file in files[name]}
    for folder in sorted(filter(_is_visible, folders)):
        if len(folder) == 2 and folder[0] in PARTS and folder not in filled:
            raise BitrainError(
                f"{_join(path, folder)}: no image in this folder of a class; put images in it or "
                "take the folder away"
            )
    for name in PARTS:
        if not files[name]:
            raise BitrainError(f"{path}: no image in {name}/<class>/; both train and test are read")
    return files


def _decode(path: Path, files: list[File], read: Read) -> np.ndarray:
    """Read all into one array of uint8, (images, height, width) or with x 3 at the end."""
    images = np.empty(0, np.uint8)
    with SlowProgress(f"{path.name}: reading {files[0][0]}", len(files)) as progress:
        for index, file in enumerate(files):
            image = _decode_one(path, file, read)
            if index == 0:
                check_size(f"{path}: {len(files):,} images", len(files) * image.size)
                images = np.empty((len(files), *image.shape), np.uint8)
            elif image.shape != images.shape[1:]:
                raise BitrainError(
                    f"{_join(path, file)}: {_describe(image.shape)}, expected "
                    f"{_describe(images.shape[1:])} like {'/'.join(files[0])}; all images need one "
                    "size and one mode"
                )
            images[index] = image
            if index % UPDATE == 0:
                progress.update(index)
    return images


def _decode_one(path: Path, file: File, read: Read) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(read(file)), formats=DECODERS) as image:
            check_size(
                f"{_join(path, file)}: {image.width} x {image.height}",
                3 * image.width * image.height,
                LARGEST_FILE,
            )
            found, mode = image.mode, MODES.get(image.mode)
            if mode and any(str(tile.args).endswith(DEEP) for tile in image.tile):
                found, mode = f"{found} of 16 bits", None
            image.load()
            is_opaque = image.mode[-1:] != "A" or image.getextrema()[-1] == OPAQUE
            if mode and is_opaque and "transparency" not in image.info:
                if not ORIENTED.isdisjoint(image.info):
                    _turn(image)
                return np.asarray(image if mode == image.mode else image.convert(mode))
    except UnidentifiedImageError as error:
        raise BitrainError(
            f"{_join(path, file)}: cannot be read (no {', '.join(DECODERS)}); get the file again"
        ) from error
    # The last three: what a spoilt PNG, a spoilt zip member and one with a password raise.
    except (
        *(OSError, ValueError, Image.DecompressionBombError, SyntaxError),
        *(zipfile.BadZipFile, zlib.error, RuntimeError),
    ) as error:
        where = _join(path, file)
        raise BitrainError(f"{where}: cannot be read ({error}); get the file again") from error
    raise BitrainError(
        f"{_join(path, file)}: Pillow's mode {found}, expected 8-bit grey or RGB and nothing "
        "transparent; convert it"
    )


def _turn(image: Image.Image) -> None:
    """Turn or mirror it in place, as its metadata say; spoilt metadata say nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ImageOps.exif_transpose(image, in_place=True)


def _describe(shape: tuple[int, ...]) -> str:
    """Size and mode of an image."""
    height, width, *colours = shape
    return f"{width} x {height} {'RGB' if colours else 'grey'}"
