"""Network files: a JSON header and the arrays in one ``.npz`` archive, without pickle."""

import json
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import numpy as np
from pydantic import ValidationError

from .errors import BitrainError, plain
from .files import content_digest, write_atomically
from .layer import ARRAYS, OPTIONAL_ARRAYS
from .network import FORMAT_VERSION, Network

READABLE_VERSIONS = (2, 3, 4, FORMAT_VERSION)
"""Version 2 knew neither groups nor appended outputs, version 3 no stream mode; what they say means
the same. The checksum of version 4 and before left out types and shapes."""


MAX_BYTES = 1 << 29
"""Of a network file, uncompressed: 128 million weights."""


def save_network(network: Network, path: Path | str) -> None:
    """Write ``network`` to ``path`` (suffix .npz by convention), whole or not at all."""
    header, arrays = _content(network)
    text = json.dumps({**header, "sha256": content_digest(header, arrays)}, indent=1).encode()
    buffer = BytesIO()
    np.savez_compressed(buffer, header=np.frombuffer(text, np.uint8), **arrays)
    write_atomically(Path(path), buffer.getvalue())


def network_digest(network: Network) -> str:
    """The checksum that its file has: SHA-256 (hex) of all that it says."""
    return content_digest(*_content(network))


def _content(network: Network) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and arrays of a file."""
    arrays = {
        f"{field}.{i}": getattr(layer, field)
        for i, layer in enumerate(network.layers)
        for field in (*ARRAYS, *OPTIONAL_ARRAYS)
        if field in ARRAYS or getattr(layer, field).any()
    }
    return network.model_dump(mode="json"), arrays


def load_network(path: Path | str) -> Network:
    """Read and validate a network file; :class:`BitrainError` says what is wrong with it."""
    path = Path(path)
    if not path.is_file():
        raise BitrainError(
            f"{path}: no such network file; `bitrain run` writes one, `bitrain convert` one of "
            "your own model"
        )
    try:
        if not is_zipfile(path):  # numpy would advise to load it unsafely
            raise ValueError("no .npz archive, or the end is missing")
        with ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if "header.npy" not in archive.namelist():
                raise ValueError("an archive of something else")
        if size > MAX_BYTES:
            raise ValueError(f"{size:,} bytes uncompressed, expected at most {MAX_BYTES:,}")
        # From memory: numpy leaves a damaged file open.
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        header = json.loads(arrays.pop("header").tobytes())
        version, digest = header["format_version"], header.pop("sha256")
        digest_of = content_digest if version > 4 else _digest_without_shapes
        found = digest_of(header, arrays)
    except Exception as error:  # zipfile, zlib, numpy and json have many ways to say no
        raise BitrainError(
            f"{path}: not a readable network file ({_first_line(error)}); export it again, or "
            "make one of your model with `bitrain convert`"
        ) from error
    if version not in READABLE_VERSIONS:
        raise BitrainError(
            f"{path}: network format {version}, this Bitrain reads "
            f"{', '.join(map(str, READABLE_VERSIONS))}; "
            "upgrade Bitrain or export the network again"
        )
    if digest != found:
        raise BitrainError(f"{path}: contents do not match their checksum; export it again")
    header["format_version"] = FORMAT_VERSION
    try:
        for i, layer in enumerate(header["layers"]):
            layer.update({field: arrays[f"{field}.{i}"] for field in ARRAYS})
            optional = {field: f"{field}.{i}" for field in OPTIONAL_ARRAYS}
            layer.update({f: arrays[name] for f, name in optional.items() if name in arrays})
        return Network.model_validate(header)
    except BitrainError as error:  # a sequence of a package that is not there
        raise BitrainError(f"{path}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "network"
        raise BitrainError(f"{path}: {where}: {plain(first)}; export it again") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise BitrainError(f"{path}: header and arrays do not match; export it again") from error


def _digest_without_shapes(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> str:
    digest = sha256(json.dumps(header, sort_keys=True).encode())
    for key in sorted(arrays):
        digest.update(key.encode() + arrays[key].astype("<i4").tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
