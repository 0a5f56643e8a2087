"""Images as files in ``train/<class>/`` and ``test/<class>/``: a folder, or a zip or tar of one.

The test part may be called ``val`` (or ``testing``, ``valid``, ``validation``); beside a test part
it is not read. Without parts, ``<class>/`` alone, the set is split when it is read.

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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bitrain.spec import BitrainError

from .arrays import PARTS
from .progress import SlowProgress
from .raw import LARGEST_FILE, RawData, RawPart, Size, check_size, resized
from .tar import File, split_name, walk_tar

WHOLE = ""
"""The part of a set without parts."""
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
    inside = [entry for entry in path.glob("*") if entry.is_dir() and _is_visible((entry.name,))]
    folders = [path] if any(map(_part, (entry.name for entry in inside))) else []
    if not folders and sum(map(_holds_images, inside)) > 1:
        folders = [path]
    zips = (file for file in (path, *path.glob("*")) if file.suffix == ".zip")
    return folders + [file for file in zips if file.is_file()]


def _part(name: str) -> str | None:
    """The part that a folder is by its name."""
    return PARTS.get(name.lower()) if len(name) > LONGEST_SHORT else None


LONGEST_SHORT = 2
"""Folders called ``tr`` or ``te`` may as well be classes."""


def _holds_images(folder: Path) -> bool:
    return any(_suffix((entry.name,)) in FORMATS for entry in folder.glob("*"))


def is_image(file: File) -> bool:
    """Whether a member of an archive is an image in a folder."""
    return len(file) > 1 and _is_visible(file) and _suffix(file) in FORMATS


def read_images(path: Path, size: Size | None = None) -> RawData:
    """Read a folder or an archive; all images need one size and one mode, grey or RGB.

    size: rows and columns that images are resized to.
    """
    with _open(path) as (found, folders, read):
        files, unread = _sort(path, found, folders)
        first, *others = files
        classes = tuple(sorted({file[-2] for file in files[first]}))
        for file in (file for name in others for file in files[name]):
            if file[-2] not in classes:
                raise BitrainError(f"{_join(path, file)}: class {file[-2]} is not in {first}")
        parts = []
        for name in files:
            images = _decode(path, files[name], read, size)
            labels = np.array([classes.index(file[-2]) for file in files[name]], np.int64)
            where = f"{path}/{name}" if name else str(path)
            parts.append(
                RawPart(images=images, labels=labels, images_from=where, labels_from=where)
            )
    formats = sorted({FORMATS[_suffix(file)] for name in files for file in files[name]})
    lossy = ", lossy" if LOSSY in formats else ""
    form = f"image folder {path.resolve().name} ({' and '.join(formats)}{lossy})"
    if unread:
        form = f"{form}, without {unread}"
    train, *rest = parts
    test = rest[0] if rest else None
    return RawData(train=train, test=test, classes=classes, form=form)


def read_image(path: Path) -> np.ndarray:
    """One image file as uint8, (height, width) or (height, width, 3)."""
    if not path.is_file():
        raise BitrainError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}")
    if _suffix((path.name,)) not in FORMATS:
        raise BitrainError(f"{path}: no image file; expected one of {', '.join(FORMATS)}")
    return _decode_one(path.parent, (path.name,), lambda _: path.read_bytes())


Read = Callable[[File], bytes]


@contextmanager
def _open(path: Path) -> Iterator[tuple[list[File], list[File], Read]]:
    """The files and the folders below what holds ``train``, and what reads a file."""
    if path.is_dir():
        tops = [entry for entry in path.glob("*") if entry.is_dir()]
        parts = [entry for entry in tops if _part(entry.name)]
        found = [entry for part in parts for entry in part.glob("*")]
        folders = [entry for entry in found if entry.is_dir()]
        files = [entry for entry in found if entry.is_file()]
        files += [file for part in parts for file in part.glob("*/*")]
        if not parts:
            folders, files = tops, [file for top in tops for file in top.glob("*")]
            files += [entry for entry in path.glob("*") if entry.is_file()]
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
        is_alone = len(tops) == 1 and not any(_part(part) for (part,) in tops)
        top = tops.pop() if is_alone else ()
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
    for file, member, content in walk_tar(path, is_image):
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


def _is_visible(file: File) -> bool:
    """Whether it is not one of the files that file managers leave behind."""
    return not any(part.startswith((".", "__MACOSX")) for part in file)


def _suffix(file: File) -> str:
    return "".join(file[-1].rpartition(".")[1:]).lower()


def _join(path: Path, file: File) -> str:
    return "/".join((str(path), *file))


def _sort(
    path: Path, found: Iterable[File], folders: Iterable[File]
) -> tuple[dict[str, list[File]], str]:
    """The image files of each part, in order, and the part that is not read.

    Each folder of a class must have some. A part is called as its folder is.
    """
    visible = sorted(file for file in found if file and _is_visible(file))
    names = sorted({file[0] for file in visible})
    used, unread = _used(path, names)
    depth = 2 if used == [WHOLE] else 3
    files: dict[str, list[File]] = {name: [] for name in used}
    for file in visible:
        name = WHOLE if depth == 2 else file[0]
        if name not in files or (depth == 2 and len(file) == 1 and _suffix(file) not in FORMATS):
            continue
        if len(file) != depth or _suffix(file) not in FORMATS:
            below = f"{name}/<class>/<image>" if name else "<class>/<image>"
            raise BitrainError(
                f"{_join(path, file)}: expected {below} with the image one of "
                f"{', '.join(FORMATS)}; convert it or take it away"
            )
        files[name].append(file)
    filled = {file[:-1] for name in used for file in files[name]}
    for folder in sorted(filter(_is_visible, folders)):
        is_class = len(folder) == depth - 1 and (depth == 2 or folder[0] in files)
        if is_class and folder not in filled:
            raise BitrainError(
                f"{_join(path, folder)}: no image in this folder of a class; put images in it or "
                "take the folder away"
            )
    for name in used:
        if not files[name]:
            where = f"{name}/<class>/; both {' and '.join(used)} are read" if name else "<class>/"
            mend = ""
            if name == used[-1] and files[used[0]] and path.is_dir():
                mend = f", or {path}/{used[0]} alone, which can be split (--split 0.2)"
            raise BitrainError(f"{path}: no image in {where}{mend}")
    return files, unread


def _used(path: Path, names: Sequence[str]) -> tuple[list[str], str]:
    """Folders of the training and the test part, and of one that is not read."""
    by_part: dict[str, str] = {}
    for name in names:
        if not (part := _part(name)):
            continue
        if part in by_part:
            raise BitrainError(
                f"{path}: {by_part[part]} and {name} are both the {part} part; keep one of them"
            )
        by_part[part] = name
    if not by_part:
        return [WHOLE], ""
    test = by_part.get("test") or by_part.get("val") or "test"
    unread = by_part.get("val", "") if "test" in by_part else ""
    return [by_part.get("train", "train"), test], unread


def _decode(path: Path, files: list[File], read: Read, size: Size | None) -> np.ndarray:
    """Read all into one array of uint8, (images, height, width) or with x 3 at the end."""
    images = np.empty(0, np.uint8)
    with SlowProgress(f"{path.name}: reading {files[0][0]}", len(files)) as progress:
        for index, file in enumerate(files):
            image = _decode_one(path, file, read)
            if size is not None:
                image = resized(image, size)
            if index == 0:
                check_size(f"{path}: {len(files):,} images", len(files) * image.size)
                images = np.empty((len(files), *image.shape), np.uint8)
            elif image.shape != images.shape[1:]:
                mend = "all images need one mode; convert it"
                if image.shape[:2] != images.shape[1:3]:
                    mend = "resize: 32 in `data` (--resize 32) brings all images to one size"
                raise BitrainError(
                    f"{_join(path, file)}: {_describe(image.shape)}, expected "
                    f"{_describe(images.shape[1:])} like {'/'.join(files[0])}; {mend}"
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
            if mode:
                if not ORIENTED.isdisjoint(image.info):
                    _turn(image)
                return pixels_of(image, _join(path, file))
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
    raise _wrong_mode(_join(path, file), found)


def pixels_of(image: Image.Image, where: str) -> np.ndarray:
    """A picture as uint8, (height, width) or (height, width, 3); palettes become colours.

    where: for messages. Raises :class:`BitrainError` for other modes and for what is transparent.
    """
    mode = MODES.get(image.mode)
    is_opaque = image.mode[-1:] != "A" or image.getextrema()[-1] == OPAQUE
    if mode is None or not is_opaque or "transparency" in image.info:
        raise _wrong_mode(where, image.mode)
    return np.asarray(image if mode == image.mode else image.convert(mode))


def _wrong_mode(where: str, mode: str) -> BitrainError:
    return BitrainError(
        f"{where}: Pillow's mode {mode}, expected 8-bit grey or RGB and nothing transparent; "
        "convert it"
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
