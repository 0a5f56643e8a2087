"""``bitrain convert``: from any trained torch module to a network file."""

import os
from math import inf
from pathlib import Path
from typing import Annotated, Literal
from zipfile import is_zipfile

from typer import Argument, Option

from .common import Data, DataDir, app, console


def _numbers(option: str, text: str, above: float = -inf) -> list[float]:
    from bitrain.spec import BitrainError

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BitrainError(f"{option} {text}: expected numbers between commas") from error
    if not all(above < number < inf for number in numbers):
        kind = "positive" if above == 0 else "finite"
        raise BitrainError(f"{option} {text}: expected {kind} numbers")
    return numbers


def _normalisation(mean: str | None, std: str | None) -> dict[str, list[float]]:
    """``--mean`` and ``--std``, if they are given."""
    from bitrain.spec import BitrainError

    if mean is None and std is None:
        return {}
    if mean is None or std is None:
        raise BitrainError(
            "--mean and --std go together; give both (--mean 0 or --std 1 where there is none)"
        )
    return {"mean": _numbers("--mean", mean), "std": _numbers("--std", std, above=0)}


def _size(text: str | None) -> tuple[int, int] | None:
    """``--resize``."""
    from bitrain.spec import BitrainError

    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) for part in parts):
        raise BitrainError(f"--resize {text}: expected a number, or rows x columns, as 28x32")
    return int(parts[0]), int(parts[-1])


def _check_out(out: Path) -> None:
    """Raise :class:`BitrainError` unless a network file can be written there."""
    from bitrain.spec import BitrainError

    if out.exists() and not is_zipfile(out):
        raise BitrainError(f"--out {out}: exists and is no network file; name another file")
    if out.suffix != ".npz":
        raise BitrainError(f"--out {out}: expected a file that ends in .npz, as {out.stem}.npz")
    folder = next(folder for folder in out.absolute().parents if folder.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise BitrainError(f"--out {out}: nothing can be written in {folder}; name another folder")


@app.command()
def convert(
    model: Annotated[
        str,
        Argument(
            help="Your model: file.py:function, package.module:function, an ONNX file (.onnx), a "
            "program of torch.export (.pt2), or a name, as lenet5."
        ),
    ],
    *,
    weights: Annotated[
        str | None, Option(help="Trained weights: a .safetensors file, or a state dict in a .pt.")
    ] = None,
    data: Data = None,
    data_dir: DataDir = None,
    split: Annotated[
        float | None,
        Option(help="Share of each class for the test, of data without a test part: 0.2."),
    ] = None,
    resize: Annotated[
        str | None, Option(help="Size that images are brought to: 32, or rows x columns, 28x32.")
    ] = None,
    bits: Annotated[
        int, Option("--bits", "-n", help="Precision n of activations and weights.", min=2, max=10)
    ] = 6,
    length: Annotated[
        int | None, Option("--length", "-L", help="Length of the streams; 2^n by default.")
    ] = None,
    word: Annotated[
        Literal[1, 2, 4, 8],
        Option(help="Inputs of a word, for arrays whose width divides it; costs holes in windows."),
    ] = 1,
    mean: Annotated[
        str | None,
        Option(help="What the model takes off images in 0 … 1: a number, or one for each channel."),
    ] = None,
    std: Annotated[str | None, Option(help="What it then divides by.")] = None,
    exact_borders: Annotated[
        bool,
        Option(
            "--exact-borders",
            help="Zeros around normalised images as in the model, for a channel of ones; else "
            "rounded to the images' grid.",
        ),
    ] = False,
    replace_activations: Annotated[
        bool,
        Option(
            "--replace-activations",
            help="ReLU in the place of activations that there are not; this changes what the "
            "network computes, so fine-tune.",
        ),
    ] = False,
    finetune: Annotated[
        int, Option(help="Epochs of training in the accelerator's arithmetic, after that.", min=0)
    ] = 0,
    learning_rate: Annotated[float, Option(help="Of the fine-tuning.")] = 1e-3,
    images: Annotated[
        int | None, Option(help="How many test images to evaluate on; all by default.", min=1)
    ] = None,
    explain: Annotated[
        bool, Option("--explain", help="Say what became of each operation of the model.")
    ] = False,
    out: Annotated[
        Path | None, Option(help="Network file to write; MODEL's name with .npz by default.")
    ] = None,
) -> None:
    """Make a network file of a trained network, without YAML and without training."""
    from bitrain.convert import RefusedError, options_of
    from bitrain.convert.files import Request, convert_files
    from bitrain.data import load_dataset
    from bitrain.nn import ScConfig
    from bitrain.spec import BitrainError
    from bitrain.train.config import FineTuneConfig

    from .render.conversion import explanation_table

    if data is None:
        raise BitrainError(
            "give the data set whose images the network will read: --data images --data-dir "
            "FOLDER for your own, or --data digits, mnist, fashion_mnist or cifar10"
        )
    if split is not None and not 0 < split < 1:
        raise BitrainError(f"--split {split:g}: expected a share between 0 and 1, as 0.2")
    if not 0 < learning_rate < inf:
        raise BitrainError(f"--learning-rate {learning_rate:g}: expected a number above 0")
    recipe = FineTuneConfig(epochs=finetune, learning_rate=learning_rate, distillation=0.5)
    sc = options_of(ScConfig(word=word), bits, length, "--")
    name = Path(model.rpartition(":")[2] if ":" in model else model).stem
    out = out or Path(f"{name}.npz")
    _check_out(out)
    normalisation = _normalisation(mean, std)
    found = {"data_dir": data_dir, "split": split, "resize": _size(resize)}
    source = {key: value for key, value in found.items() if value is not None}
    dataset = load_dataset(data, **source)
    channels = dataset.in_shape.channels
    for option, numbers in normalisation.items():
        if len(numbers) not in (1, channels):
            raise BitrainError(
                f"--{option}: {len(numbers)} numbers; expected one, or one for each of the "
                f"{channels} channels of data set {data!r}"
            )
    request = Request(
        model=model,
        source=source,
        weights=weights,
        sc=sc,
        **normalisation,
        exact_borders=exact_borders,
        replace_activations=replace_activations,
        finetune=recipe if finetune else None,
        name=name,
        out=out,
    )
    try:
        result = convert_files(request, dataset, evaluated=images)
    except RefusedError as refusal:
        if explain:
            console.print(explanation_table(refusal.origins))
        raise
    if explain:
        console.print(explanation_table(result.conversion.origins))
    result.conversion.save(out)
    if finetune:
        for checkpoint in result.checkpoints:
            checkpoint.unlink(missing_ok=True)
    for note in result.notes:
        console.print(f"{model}: {note}", soft_wrap=True)
    epochs = "epoch" if finetune == 1 else "epochs"
    tuned = f", {finetune} {epochs} of fine-tuning" if finetune else ""
    if replaced := result.conversion.replaced:
        console.print(
            f"ReLU stands in for {', '.join(replaced)}: float accuracy is that of the changed "
            f"network{'' if finetune else '; fine-tune it (--finetune 5)'}",
            soft_wrap=True,
        )
    console.print(
        f"{result.images} test images: float {result.float_accuracy:.2f} %; n = {bits}, L = "
        f"{sc.length}{tuned}: SC {result.sc:.2f} %, integer baseline {result.int_baseline:.2f} %",
        soft_wrap=True,
    )
    console.print(f"data: {dataset.note}", soft_wrap=True)
    console.print(f"wrote {out}; next: bitrain generate {out} --out ip", soft_wrap=True)
