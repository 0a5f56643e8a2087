"""Models by name. A new one is ``(in_shape, num_classes) -> nn.Sequential`` and a line here.

Those that come along are made of :class:`bitrain.models.Block` alone.

A user's own is named ``path/to/file.py:function`` or ``package.module:function``: a function that
returns a module, a class of modules, or a module. Its parameters may be called ``in_shape`` and
``num_classes``, or be those two in this order. ONNX files (``.onnx``) and programs that
torch.export wrote (``.pt2``) are named by their files. A safetensors file that recasting wrote
names its own blocks.
"""

import copy
import importlib
import inspect
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bitrain.spec import BitrainError, Shape

from .blocks.block import Block
from .blocks.spec import BlockSpec
from .cnn import digits_cnn, lenet5
from .context import seeded
from .densenet import densenet22, densenet100
from .inputs import Normalisation, normalise_inputs
from .programs import load_program
from .resnet import resnet9, resnet20, resnet56, resnet83, wrn28_10
from .vgg import vgg8, vgg16
from .weights import kind_of, load_weights, read_metadata

_BUILDERS: dict[str, Callable[[Shape, int], nn.Sequential]] = {
    "densenet100": densenet100,
    "densenet22": densenet22,
    "digits_cnn": digits_cnn,
    "lenet5": lenet5,
    "resnet20": resnet20,
    "resnet56": resnet56,
    "resnet9": resnet9,
    "resnet83": resnet83,
    "vgg16": vgg16,
    "vgg8": vgg8,
    "wrn28_10": wrn28_10,
}

_NO_CODE = (".pt", ".pth", ".jit", ".ckpt", ".bin")
"""Suffixes of files that do not say how a model is made."""


def list_models() -> list[str]:
    """Names that :func:`create_model` knows."""
    return sorted(_BUILDERS)


def create_model(
    name: str,
    in_shape: Shape,
    num_classes: int,
    *,
    seed: int = 0,
    pretrained: str | Path | None = None,
    normalisation: Normalisation | None = None,
) -> nn.Module:
    """Build a model with weights drawn from ``seed``; the global generator is left alone.

    name: one of :func:`list_models`, or ``file.py:function``. in_shape: of one image, (channels,
    height, width). pretrained: trained weights, one of ``list_pretrained()`` or a file.
    normalisation: mean and standard deviation that the model's images were normalised by. Raises
    :class:`BitrainError` for an unknown name, a file that does not give a model, images that are
    too small, and weights that do not fit.
    """
    model = _build(name, in_shape, num_classes, seed)
    refuse_unreadable(model, name)
    if pretrained is not None:
        load_weights(model, pretrained)
    if normalisation is not None:
        normalise_inputs(model, *normalisation, in_shape)
    return model


def refuse_unreadable(model: nn.Module, name: str) -> None:
    """Raise :class:`BitrainError` for TorchScript, and for modules that have no weights yet."""
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise BitrainError(f"model {name}: holds TorchScript; give the module that it was made of")
    if any(is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        raise BitrainError(f"model {name}: lazy modules have no weights yet; give their sizes")


def check_scores(model: nn.Module, name: str, in_shape: Shape, num_classes: int) -> None:
    """Raise :class:`BitrainError` unless ``model`` gives a score for each class of an image."""
    size = " x ".join(map(str, in_shape))
    try:
        with torch.no_grad():
            found = model.eval()(torch.zeros(1, *in_shape))
    except Exception as error:  # it may be the user's program
        reason = str(error).partition("\n")[0]
        raise BitrainError(f"model {name}: does not fit images of {size}: {reason}") from error
    if not isinstance(found, Tensor):
        what = f"{type(found).__name__}, not a tensor,"
    elif not found.is_floating_point():
        what = f"whole numbers ({str(found.dtype).removeprefix('torch.')}), as argmax does,"
    elif found.dim() < 2 or len(found) != 1:
        what = f"a tensor {tuple(found.shape)}, without the batch,"
    elif found.shape[1:] != (num_classes,):
        what = " x ".join(map(str, found.shape[1:]))
    else:
        return
    raise BitrainError(
        f"model {name}: gives {what} for an image of {size}, expected {num_classes} scores in a "
        "row, one for each class of the data set"
    )


def _build(name: str, in_shape: Shape, num_classes: int, seed: int) -> nn.Module:
    if name.endswith(".safetensors"):
        return _described(name, Shape(*in_shape), num_classes, seed)
    if name.endswith(".pt2"):
        return load_program(Path(name))
    if name.endswith(".onnx"):
        from .onnx import load_onnx  # an extra of the installation

        return load_onnx(Path(name), Shape(*in_shape))
    with seeded(seed):
        if name in _BUILDERS:
            return _BUILDERS[name](Shape(*in_shape), num_classes)
        if ":" not in name:
            raise BitrainError(f"model {_unknown(name)}")
        return _own(name, Shape(*in_shape), num_classes)


def _unknown(name: str) -> str:
    """What is wrong with a name that has no colon, and what to give."""
    path = Path(name)
    if path.suffix == ".py":
        return f"{name}: name the function or class in it that makes the model, as {name}:Net"
    if path.suffix not in _NO_CODE:
        return (
            f"{name!r} is unknown; choose one of {list_models()}, or name your own as "
            "path/to/file.py:function, package.module:function, or an ONNX file (.onnx)"
        )
    what = f"holds {kind_of(path) or 'weights or pickled objects'}, not the code of a model"
    return (
        f"{name}: {what}; give file.py:function with its state dict as weights (--weights; "
        "pretrained in a configuration), an ONNX file (.onnx), or a program that "
        "torch.export.save wrote (.pt2)"
    )


def _described(name: str, in_shape: Shape, num_classes: int, seed: int) -> nn.Sequential:
    """The blocks that a file of weights describes, as recasting writes it."""
    try:
        specs = [BlockSpec.model_validate(spec) for spec in read_metadata(name)["blocks"]]
        first, last = specs[0], specs[-1]
    except (KeyError, IndexError, TypeError, ValidationError) as error:
        raise BitrainError(
            f"model {name}: the file does not say which blocks its weights belong to; give "
            f"file.py:function, or one of {list_models()}, with this file as weights (--weights)"
        ) from error
    with seeded(seed):
        model = nn.Sequential(*map(Block, specs))
    if first.in_channels != in_shape.channels or last.out_channels != num_classes:
        raise BitrainError(
            f"model {name}: reads {first.in_channels} channels and gives {last.out_channels} "
            f"classes; the data set has {in_shape.channels} and {num_classes}"
        )
    return model


def model_file(name: str) -> Path | None:
    """The file of a model named ``file.py:function``; None for other names."""
    path, colon, _ = name.rpartition(":")
    return Path(path) if colon and path.endswith(".py") else None


def _own(name: str, in_shape: Shape, num_classes: int) -> nn.Module:
    path, _, function = name.rpartition(":")
    if path.endswith(".py") and not Path(path).is_file():
        raise BitrainError(f"model {name}: no such file")
    try:
        defined = _find(path)
        if function not in defined:
            raise BitrainError(f"model {name}: {path} defines no {function!r}")
        found = defined[function]
        model = found if isinstance(found, nn.Module) else None
        if callable(found) and model is None:
            model = found(**_arguments(name, found, in_shape, num_classes))
    except BitrainError:
        raise
    except SystemExit as error:
        raise BitrainError(
            f"model {name}: {path} ends the program (sys.exit, argparse); put what is not the "
            'model below if __name__ == "__main__":'
        ) from error
    except Exception as error:  # it is the user's program
        reason = str(error).partition("\n")[0]
        raise BitrainError(f"model {name}: {type(error).__name__}: {reason}") from error
    if not isinstance(model, nn.Module):
        raise BitrainError(
            f"model {name}: expected a function or class in {path} that gives a torch module, "
            "called with nothing, or with in_shape and num_classes"
        )
    return copy.deepcopy(model) if model is found else model


def _find(path: str) -> dict[str, Any]:
    """What a file or a module defines."""
    if path.endswith(".py"):
        folder = str(Path(path).resolve().parent)
        sys.path.insert(0, folder)  # as Python does with a program: it may import its neighbours
        try:
            return runpy.run_path(path)
        finally:
            sys.path.remove(folder)
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    return vars(importlib.import_module(path))


def _arguments(
    name: str, function: Callable[..., Any], in_shape: Shape, num_classes: int
) -> dict[str, Any]:
    """What a user's function is called with, by the names of its parameters."""
    known = {"in_shape": in_shape, "num_classes": num_classes}
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    ]
    needed = [each.name for each in parameters if each.default is each.empty]
    if len(needed) == 2 and "shape" in needed[0]:  # the order is plain
        return dict(zip(needed, known.values(), strict=True))
    if unknown := [each for each in needed if each not in known]:
        raise BitrainError(
            f"model {name}: needs {', '.join(unknown)}; give a function that needs nothing, or "
            "in_shape and num_classes"
        )
    return {each.name: known[each.name] for each in parameters if each.name in known}
