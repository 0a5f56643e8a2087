"""Trained weights as safetensors files, with the recipe that made them; some come with Bitrain.

The format: https://github.com/huggingface/safetensors. No code is run when one is read.
"""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from rich.console import Console
from torch import Tensor, nn

from bitrain.spec import BitrainError, content_digest, write_atomically

from .programs import Program

FOLDER = Path(__file__).parent / "weights"
_KEY = "bitrain"
_DIGEST = "bitrain_sha256"
"""Keys of a file's metadata: what was saved with the weights, and the digest of all."""
_noted: set[Path] = set()
"""Files that the user was told about."""


def list_pretrained() -> list[str]:
    """Names of the weights that come with Bitrain: model and data set."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def save_weights(model: nn.Module, path: Path, metadata: dict[str, Any]) -> None:
    """Write the parameters and buffers of ``model``; metadata: JSON values."""
    from safetensors.torch import save

    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    text = json.dumps(metadata)
    write_atomically(path, save(tensors, {_KEY: text, _DIGEST: _digest(text, tensors)}))


def load_weights(model: nn.Module, source: str | Path) -> dict[str, Any]:
    """Load weights into ``model`` and return their metadata.

    source: one of :func:`list_pretrained`, or a file. Raises :class:`BitrainError` where there is
    none, where it is damaged, and where it belongs to another model. Files that others wrote have
    no checksum, and are taken with a note.
    """
    if isinstance(model, Program):
        raise BitrainError(f"weights {source}: a program holds its weights; leave them out")
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
    path, tensors, metadata, is_sealed = _read(source, expected)
    if not is_sealed and path not in _noted:
        _noted.add(path)
        note = f"note: {path} has no checksum of Bitrain; its contents are taken as they are"
        Console(stderr=True).print(note, soft_wrap=True, markup=False, highlight=False)
    tensors = _renamed(tensors, expected)
    for name in sorted(expected.keys() | tensors.keys()):
        found = tensors[name].shape if name in tensors else None
        if expected.get(name) != found:
            raise BitrainError(
                f"{path}: {name} is {_size(found)}, the model's is {_size(expected.get(name))}; "
                "give the weights of this very model, number of classes and size of images"
            )
        if not tensors[name].isfinite().all():
            raise BitrainError(f"{path}: {name} holds NaN or infinity; train it again")
    model.load_state_dict(tensors)
    return metadata


def read_metadata(source: str | Path) -> dict[str, Any]:
    """What was saved with weights: model, recipe, accuracy; errors as :func:`load_weights`."""
    return _read(source)[2]


def model_digest(model: nn.Module) -> str:
    """SHA-256 (hex) of what a model is: how its modules print, parameters and buffers."""
    return _digest(repr(model), model.state_dict())


def kind_of(path: Path) -> str:
    """What a file is, if it is one of torch that holds more than weights; else empty."""
    try:
        with ZipFile(path) as archive:
            members = {name.rpartition("/")[2] for name in archive.namelist()}
    except (BadZipFile, OSError):
        return ""
    if "constants.pkl" in members:
        return "a TorchScript program (torch.jit.save)"
    return "a program of torch.export" if "archive_format" in members else ""


def _read(
    source: str | Path, expected: Collection[str] = ()
) -> tuple[Path, dict[str, Tensor], dict[str, Any], bool]:
    """The file, its tensors, its metadata, and whether a digest says that it is whole.

    expected: names of the model's tensors.
    """
    from safetensors import SafetensorError, safe_open

    path = FOLDER / f"{source}.safetensors" if source in list_pretrained() else Path(source)
    if path.is_dir():
        raise BitrainError(
            f"weights {path}: a folder; give the file in it, as model.safetensors or model.pt"
        )
    if not path.is_file():
        raise BitrainError(
            f"weights {str(source)!r}: no such file, and none of those that come with Bitrain: "
            f"{', '.join(list_pretrained())}"
        )
    if path.suffix != ".safetensors":
        return path, _read_pickled(path, expected), {}, False
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
            found = file.metadata() or {}
        metadata = json.loads(found.get(_KEY, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise BitrainError(f"{path}: not a readable safetensors file ({error})") from error
    is_sealed = _DIGEST in found
    if is_sealed and found[_DIGEST] != _digest(found.get(_KEY, ""), tensors):
        raise BitrainError(
            f"{path}: contents do not match their checksum; get the file again, or train again"
        )
    return path, tensors, metadata, is_sealed


def _read_pickled(path: Path, expected: Collection[str]) -> dict[str, Tensor]:
    """Tensors of a file of ``torch.save``; no code in it is run (``weights_only``).

    Of several state dicts in it, the one that has the model's names.
    """
    save = "save one with torch.save(model.state_dict(), path) or as safetensors"
    if kind := kind_of(path):
        raise BitrainError(f"{path}: {kind}, not a state dict; {save}")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zipfile and torch have many ways to say no
        if held := re.search(r"GLOBAL (\S+)", str(error)):
            raise BitrainError(
                f"{path}: holds a whole pickled module or other objects ({held[1]}), which cannot "
                f"be read without running code, not a state dict alone; {save}"
            ) from error
        raise BitrainError(
            f"{path}: not a state dict that torch.save wrote, or damaged; {save}"
        ) from error
    held = {key: _renamed(each, expected) for key, each in _state_dicts(found).items()}
    fitting = [key for key, each in held.items() if each.keys() == set(expected)]
    if len(fitting) > 1:
        raise BitrainError(
            f"{path}: holds several state dicts of this model: {', '.join(fitting)}; save the one "
            "to use, as torch.save(checkpoint[key], path)"
        )
    if not held:
        keys = f" with {', '.join(map(str, found))}" if isinstance(found, Mapping) else ""
        raise BitrainError(f"{path}: holds {type(found).__name__}{keys}, not a state dict; {save}")
    return max(held.values(), key=lambda each: len(each.keys() & set(expected)))


def _state_dicts(found: Any, place: str = "") -> dict[str, dict[str, Tensor]]:
    """Mappings of names to tensors alone, by the keys under which a checkpoint holds them."""
    if not isinstance(found, Mapping) or not found:
        return {}
    if all(isinstance(each, Tensor) for each in found.values()):
        return {place: {str(name): tensor for name, tensor in found.items()}}
    parts = (_state_dicts(each, f"{place}.{key}".strip(".")) for key, each in found.items())
    return {key: each for part in parts for key, each in part.items()}


def _renamed(tensors: dict[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """Without what all names begin with (``module.``, ``net.``), if more are the model's then."""
    heads = {name.partition(".")[0] for name in tensors}
    if len(heads) != 1 or heads <= tensors.keys():
        return tensors
    shorter = {name.partition(".")[2]: tensor for name, tensor in tensors.items()}
    names = tensors, _renamed(shorter, expected)
    return max(names, key=lambda each: len(each.keys() & set(expected)))


def _digest(metadata: str, tensors: Mapping[str, Tensor]) -> str:
    """``content_digest`` of the text, torch's names of the types and shapes, and plain bytes."""
    kinds = {name: [str(x.dtype), list(x.shape)] for name, x in tensors.items()}
    plain = {name: x.detach().cpu().reshape(-1).view(torch.uint8) for name, x in tensors.items()}
    contents = {name: x.numpy() for name, x in plain.items()}
    return content_digest([metadata, kinds], contents)


def _size(shape: Any) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape)) or "a number"
