"""The sequence of one's own that docs/extending.md shows, as the reader has it."""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bitrain.spec import sequence

GUIDE = Path(__file__).parents[1] / "docs/extending.md"


def blocks(language: str) -> list[str]:
    """Code of the guide."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", GUIDE.read_text("utf-8"), re.M | re.S)
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, text in found]


def install(folder: Path) -> None:
    """Put a package ``weyl`` there, with the metadata of an installed one."""
    module = next(text for text in blocks("python") if "class Weyl" in text)
    (folder / "weyl.py").write_text(module, encoding="utf-8")
    metadata = folder / "weyl-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: weyl\nVersion: 1.0\n")
    (entry,) = re.findall(r'^weyl = "(.*)"$', blocks("toml")[0], re.M)
    (metadata / "entry_points.txt").write_text(f"[bitrain.sequences]\nweyl = {entry}\n")


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """With the package importable; afterwards nothing is left of it."""
    before = dict(sequence._kinds)
    install(folder)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("weyl", None)
        sequence._kinds.clear()
        sequence._kinds.update(before)
