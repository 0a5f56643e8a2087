"""From a model's name and files to a network file: what ``bitrain convert`` does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import nn

from bitrain.data import Dataset, check_classes
from bitrain.golden import accuracy
from bitrain.models import Program, create_model, model_digest
from bitrain.nn import ScConfig, torch_threads
from bitrain.runner.config import data_metadata
from bitrain.spec import BitrainError
from bitrain.train.config import FineTuneConfig
from bitrain.train.finetune import finetune_converted
from bitrain.train.loop import Job

from .conversion import Conversion, convert


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is converted, and how."""

    model: str
    """A name of ``bitrain.models.create_model``."""
    source: Mapping[str, Any] = field(default_factory=dict)
    """Options with which the data set was read."""
    weights: str | None = None
    sc: ScConfig
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    exact_borders: bool = False
    replace_activations: bool = False
    finetune: FineTuneConfig | None = None
    name: str = "network"
    out: Path
    """The network file, beside which fine-tuning keeps its checkpoint until it is written."""

    @property
    def recipe(self) -> dict[str, Any]:
        """What the network file remembers of it: JSON values."""
        given = {
            "weights": self.weights,
            "mean": self.mean and list(self.mean),
            "std": self.std and list(self.std),
            "exact_borders": self.exact_borders,
            "replace_activations": self.replace_activations,
            "finetune": self.finetune and self.finetune.model_dump(mode="json"),
        }
        sc = self.sc.model_dump(mode="json")
        return {"model": self.model, "sc": sc} | {key: x for key, x in given.items() if x}

    def checkpoint(self, model: nn.Module, arithmetic: str = "stochastic") -> Path:
        """Of the fine-tuning of a model, as this request has it."""
        options = (self.sc, self.finetune, self.mean, self.std, self.exact_borders)
        text = f"{model_digest(model)} {options} {self.replace_activations} {arithmetic}"
        key = sha256(text.encode()).hexdigest()[:12]
        return self.out.with_name(f"{self.out.stem}.finetune-{key}.pt")


@dataclass(frozen=True, kw_only=True)
class Result:
    """A conversion, with accuracies in per cent on so many test images."""

    conversion: Conversion
    notes: Sequence[str]
    """What the user should know of the model."""
    images: int
    float_accuracy: float
    sc: float
    int_baseline: float
    """Of integers of equal width, calibrated and fine-tuned for themselves."""
    checkpoints: tuple[Path, ...]
    """Of the fine-tuning, which are not needed any more."""


def convert_files(request: Request, dataset: Dataset, *, evaluated: int | None = None) -> Result:
    """Convert, and evaluate on ``evaluated`` test images, evenly spaced; all by default.

    Raises :class:`BitrainError` naming the option or the operation that cannot be had.
    """
    available = len(dataset.test_labels)
    if not available:
        raise BitrainError(f"data set {dataset.name} has no test images to evaluate on")
    if evaluated and evaluated > available:
        raise BitrainError(
            f"--images {evaluated}: data set {dataset.name!r} has {available} test images; give at "
            "most so many, or leave it out for all"
        )
    model = create_model(
        request.model, dataset.in_shape, dataset.num_classes, pretrained=request.weights
    )
    metadata = {
        **data_metadata(dataset.name, dataset.classes, request.source),
        "recipe": request.recipe | {"digest": model_digest(model)},
    }
    with torch_threads():
        done = convert(
            model,
            dataset.train_images,
            config=request.sc,
            mean=request.mean,
            std=request.std,
            exact_borders=request.exact_borders,
            replace_activations=request.replace_activations,
            finetune=request.finetune,
            dataset=dataset,
            name=request.name,
            metadata=metadata,
            checkpoint=request.checkpoint(model) if request.finetune else None,
            progress=True,
        )
    check_classes(f"model {request.model}", done.network.num_scores, dataset)
    images, labels = dataset.examples(evaluated or available)
    floats = done.float_accuracy(images, labels)
    with torch_threads():
        rival = done.rival()
        if request.finetune:
            checkpoint = request.checkpoint(model, "binary")
            job: Job = {"checkpoint": checkpoint, "progress": True, "title": "integer baseline"}
            finetune_converted(rival, dataset, request.finetune, **job)
        sc = accuracy(done.network, images, labels)
        integers = accuracy(rival.to_network("integers"), images, labels, "binary")
    return Result(
        conversion=done,
        notes=model.notes if isinstance(model, Program) else (),
        images=len(images),
        float_accuracy=floats,
        sc=100 * sc,
        int_baseline=100 * integers,
        checkpoints=(request.checkpoint(model), request.checkpoint(model, "binary")),
    )
