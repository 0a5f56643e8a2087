"""Files of ``torch.save`` that notice when they are damaged.

torch does not check what it loads. The SHA-256 of a file lies behind it, as the comment of the zip
archive that it is, so that ``torch.load`` reads it as before.
"""

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from bitrain.spec import write_atomically

_NO_COMMENT = b"\0\0"
"""Length of a zip archive's comment, in its last two bytes where it has none."""
_COMMENT = sha256().digest_size.to_bytes(2, "little")


def save_sealed(state: Any, path: Path) -> None:
    """Write ``state``, tensors and what holds them, whole or not at all."""
    buffer = BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    assert content.endswith(_NO_COMMENT)
    seal = _COMMENT + sha256(content).digest()
    write_atomically(path, content.removesuffix(_NO_COMMENT) + seal)


def load_sealed(path: Path) -> Any:
    """Read what :func:`save_sealed` wrote; ``BadZipFile`` where it is damaged, or torch's errors.

    A file without a seal, as older versions wrote them, is checked by the archive's own checksums.
    """
    content = path.read_bytes()
    length = len(_COMMENT) + int.from_bytes(_COMMENT, "little")
    body, seal = content[:-length], content[-length:]
    if seal.startswith(_COMMENT):
        if sha256(body + _NO_COMMENT).digest() != seal[len(_COMMENT) :]:
            raise BadZipFile("the contents do not match their checksum")
    else:
        with ZipFile(BytesIO(content)) as archive:
            if archive.testzip():
                raise BadZipFile("the contents do not match their checksums")
    return torch.load(BytesIO(content), map_location="cpu", weights_only=True)
