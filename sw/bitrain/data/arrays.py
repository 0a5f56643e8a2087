"""Images and labels as NumPy arrays, by the names that people give them.

A name says the part (``train``; ``test``, or ``val`` where there is no test; neither where the set
is not split) and whether it is of images (``images``, ``x``, ``data``, …) or of labels (``labels``,
``y``, ``targets``, …), in either order and case: ``train_images``, ``x_train``, ``X_test``,
``test_y``. ``classes``, where given, are the names of the classes in order.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from bitrain.spec import BitrainError

from .raw import RawData, RawPart

PARTS = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("test", "testing", "te", "ts"), "test"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
}
"""From words of names to parts."""
_KINDS = {
    **dict.fromkeys(("images", "image", "imgs", "img", "x", "data", "features"), "images"),
    **dict.fromkeys(("labels", "label", "y", "targets", "target", "lbls"), "labels"),
}
_CLASSES = frozenset(["classes", "class_names", "label_names", "names"])
EXPECTED = "train_images, train_labels, test_images, test_labels (or x_train, y_train, …)"


def role_of(name: str) -> tuple[str, str] | None:
    """Part ("" for a whole set) and kind of an array, or None."""
    text = name.lower()
    if text in _CLASSES:
        return "", "classes"
    words = re.findall(r"[a-z]+", text)
    if len(words) == 1 and (found := re.fullmatch(r"(x|y)(.+)", words[0])) and found[2] in PARTS:
        words = [found[1], found[2]]
    kinds = [_KINDS[word] for word in words if word in _KINDS]
    parts = [PARTS[word] for word in words if word in PARTS]
    if len(kinds) != 1 or len(parts) > 1 or len(words) != 1 + len(parts):
        return None
    return (parts[0] if parts else ""), kinds[0]


def chosen(path: Path, names: Iterable[str]) -> dict[tuple[str, str], str]:
    """The name of each role; :class:`BitrainError` where two have the same."""
    found: dict[tuple[str, str], str] = {}
    for name in sorted(names):
        role = role_of(name)
        if role is None:
            continue
        if role in found:
            raise BitrainError(
                f"{path}: {found[role]} and {name} are both {' '.join(filter(None, role))}; keep "
                "one of them"
            )
        found[role] = name
    return found


def to_raw(
    path: Path,
    roles: Mapping[tuple[str, str], str],
    arrays: Mapping[str, np.ndarray],
    form: str,
) -> RawData:
    """What the arrays of a file or a folder hold; arrays: by their names."""
    parts = {part for part, kind in roles if kind != "classes"}
    first = "train" if "train" in parts or len(parts - {""}) else ""
    second = next((part for part in ("test", "val") if part in parts), None)
    for part in (first, second):
        for kind in ("images", "labels"):
            if part is not None and (part, kind) not in roles:
                wanted = f"{part} {kind}".strip()
                raise BitrainError(f"{path}: no array of {wanted}; expected {EXPECTED}")
    classes = _classes(path, arrays[roles["", "classes"]]) if ("", "classes") in roles else None
    if second == "val":
        form = f"{form}, tested on {roles['val', 'images']}"
    elif "val" in parts:
        form = f"{form}, without {roles['val', 'images']}"

    def part_of(name: str) -> RawPart:
        images, labels = roles[name, "images"], roles[name, "labels"]
        where = {"images_from": f"{path}, {images}", "labels_from": f"{path}, {labels}"}
        return RawPart(images=arrays[images], labels=arrays[labels], **where)

    test = None if second is None else part_of(second)
    return RawData(train=part_of(first), test=test, classes=classes, form=form)


def _classes(path: Path, names: np.ndarray) -> tuple[str, ...]:
    if names.dtype.kind != "U" or names.ndim != 1:
        raise BitrainError(f"{path}: classes of type {names.dtype}, expected a list of names")
    classes = tuple(map(str, names))
    if len(set(classes)) != len(classes):
        raise BitrainError(f"{path}: two classes of one name among {', '.join(classes)}")
    return classes
