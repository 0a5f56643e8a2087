"""Trained weights as safetensors files, with the recipe that made them; some come with Bitrain.

The format: https://github.com/huggingface/safetensors. No code is run when one is read.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from bitrain.spec import BitrainError, content_digest, write_atomically

from .programs import ExportedModule

FOLDER = Path(__file__).parent / "weights"
_KEY = "bitrain"
_DIGEST = "bitrain_sha256"
"""Keys of a file's metadata: what was saved with the weights, and the digest of all."""
_PICKLED = (".pt", ".pth", ".bin", ".ckpt")
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
"""Keys under which training scripts keep a state dict."""
_PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and trainers put before every name."""
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
    if isinstance(model, ExportedModule):
        raise BitrainError(f"weights {source}: a program holds its weights; leave them out")
    path, tensors, metadata, is_sealed = _read(source)
    if not is_sealed and path not in _noted:
        _noted.add(path)
        note = f"note: {path} has no checksum of Bitrain; its contents are taken as they are"
        Console(stderr=True).print(note, soft_wrap=True, markup=False, highlight=False)
    expected = {name: tensor.shape for name, tensor in model.state_dict().items()}
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


def _read(source: str | Path) -> tuple[Path, dict[str, Tensor], dict[str, Any], bool]:
    """The file, its tensors, its metadata, and whether a digest says that it is whole."""
    from safetensors import SafetensorError, safe_open

    path = FOLDER / f"{source}.safetensors" if source in list_pretrained() else Path(source)
    if not path.is_file():
        raise BitrainError(
            f"weights {str(source)!r}: no such file, and none of those that come with Bitrain: "
            f"{', '.join(list_pretrained())}"
        )
    if path.suffix in _PICKLED:
        return path, _read_pickled(path), {}, False
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


def _read_pickled(path: Path) -> dict[str, Tensor]:
    """Tensors of a file of ``torch.save``; no code in it is run (``weights_only``)."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zipfile and torch have many ways to say no
        reason = str(error).partition("\n")[0]
        raise BitrainError(
            f"{path}: not a state dict that can be read without running code ({reason}); save one "
            "with torch.save(model.state_dict(), path) or as safetensors"
        ) from error
    while isinstance(found, Mapping):
        inner = next((found[key] for key in _WRAPPERS if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            break
        found = inner
    if not isinstance(found, Mapping) or not all(isinstance(x, Tensor) for x in found.values()):
        raise BitrainError(
            f"{path}: holds {type(found).__name__}, not a state dict; save one with "
            "torch.save(model.state_dict(), path)"
        )
    return {str(name): tensor for name, tensor in found.items()}


def _renamed(tensors: dict[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """Without a prefix that all names have and the model's have not."""
    for prefix in _PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            shorter = {name.removeprefix(prefix): x for name, x in tensors.items()}
            if not set(tensors) & set(expected):
                return _renamed(shorter, expected)
    return tensors


def _digest(metadata: str, tensors: Mapping[str, Tensor]) -> str:
    """``content_digest`` of the text, torch's names of the types and shapes, and plain bytes."""
    kinds = {name: [str(x.dtype), list(x.shape)] for name, x in tensors.items()}
    plain = {name: x.detach().cpu().reshape(-1).view(torch.uint8) for name, x in tensors.items()}
    contents = {name: x.numpy() for name, x in plain.items()}
    return content_digest([metadata, kinds], contents)


def _size(shape: Any) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape)) or "a number"
