"""The steps from a data set to a network file.

A finished checkpoint gives the trained model back at once, so no other file holds it.
"""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bitrain.data import Dataset, evenly_spaced
from bitrain.export import CHECK_IMAGES, export_network
from bitrain.frontend import read_chain
from bitrain.models import (
    Program,
    check_scores,
    create_model,
    model_digest,
    model_file,
    save_weights,
)
from bitrain.nn import ScConfig, ScModel, convert, lengths_and_neurons, torch_threads
from bitrain.spec import BitrainError, Network, file_digest, save_network
from bitrain.train.config import FineTuneConfig
from bitrain.train.evaluate import evaluate, evaluate_network, scores_of
from bitrain.train.exits import Anytime, accuracy_by_prefix
from bitrain.train.finetune import finetune_converted
from bitrain.train.lengths import accuracy_by_length
from bitrain.train.loop import Job, fit

from .run import Run

SCORED_IMAGES = 4
HELD_OUT = 5000
"""At most so many images that are not learnt choose exits, if the user does not say how many."""
LEARNT_IMAGES = 20_000
"""At most so many images that are learnt choose exits."""
SAME = 1e-4
"""Difference of scores that rounding may make, as a share of the largest."""


def train(run: Run) -> dict[str, Any]:
    """The float network, as ``model.safetensors`` too."""
    config, checkpoint = run.config, _checkpoint(run, "train")
    model, losses = _train(run, checkpoint, progress=run.progress)
    accuracy = 100 * evaluate(model, run.dataset)
    metadata = {
        "model": config.model,
        "data": run.dataset.note,
        "recipe": config.train.model_dump(mode="json"),
        "accuracy": accuracy,
        "test_images": len(run.dataset.test_images),
        "losses": losses,
    }
    save_weights(model, run.workspace.path("model.safetensors"), metadata)
    return {"checkpoint": checkpoint, "accuracy": accuracy, "scores": _some_scores(run, model)}


def finetune(run: Run) -> dict[str, Any]:
    """SC-aware training, and the integer baseline with the same budget; golden accuracies."""
    result: dict[str, Any] = {}
    for kind, arithmetic in (("streams", "stochastic"), ("integers", run.config.integers)):
        checkpoint = _checkpoint(run, kind)
        trained = _converted(run, run.config.sc, arithmetic)
        before = _accuracy(run, trained.to_network("converted"), arithmetic)
        _finetune(run, trained, checkpoint)
        network = trained.to_network("fine-tuned")
        result[kind] = {
            "arithmetic": arithmetic,
            "checkpoint": checkpoint,
            "post_training": before,
            "fine_tuned": _accuracy(run, network, arithmetic),
            "by_prefix": accuracy_by_prefix(trained, run.dataset),
        }
        if (exits := run.config.exit) is not None:
            anytime = Anytime(network, trained.prefixes, _choosing(run), arithmetic)
            measured = anytime.measure(
                run.dataset, exits.tolerance, exits.most, cycles=exits.cycles
            )
            result[kind]["anytime"] = measured
    return result


def export(run: Run) -> dict[str, Any]:
    """``network.npz`` and that of the rival, checked against golden on test images."""
    network = _export(run, run.config.trained, "network.npz")
    _export(run, "integers" if run.config.trained == "streams" else "streams", "rival.npz")
    exit_points = [each.model_dump() for each in network.exits]
    images = min(CHECK_IMAGES, len(run.dataset.test_images))
    return {"images": images, "macs": network.macs, "exits": exit_points}


def _export(run: Run, kind: str, file: str) -> Network:
    """The network of ``streams`` or ``integers``, with the exits that are chosen for it."""
    trained = run.workspace.results["finetune"][kind]
    arithmetic = trained["arithmetic"]
    network = _network(run, arithmetic, trained["checkpoint"])
    save_network(network, run.workspace.path(file))
    return network


def make_network(run: Run, arithmetic: str, *, finetune: bool) -> Network:
    """The float network in an arithmetic: converted, and fine-tuned if asked for.

    As exported: with exits if the configuration has them. Fine-tuning keeps checkpoints in the
    workspace and goes on from them.
    """
    return _network(run, arithmetic, _checkpoint(run, arithmetic) if finetune else None)


def _network(run: Run, arithmetic: str, checkpoint: str | None) -> Network:
    model = _converted(run, run.config.sc, arithmetic)
    if checkpoint is not None:
        _finetune(run, model, checkpoint)
    sections = {"model", "train", "sc"} | ({"finetune"} if checkpoint is not None else set())
    recipe = run.config.model_dump(mode="json", include=sections)
    if run.config.data.normalisation is not None:
        recipe |= run.config.data.model_dump(mode="json", include={"mean", "std"})
    metadata = {
        **run.config.data.metadata(run.dataset.classes),
        "recipe": recipe,
        "arithmetic": arithmetic,
        "float_accuracy": run.workspace.results["train"]["accuracy"],
    }
    images, _ = run.dataset.examples(CHECK_IMAGES)
    network = export_network(model, run.config.name, images, metadata)
    if (exits := run.config.exit) is not None:
        anytime = Anytime(network, model.prefixes, _choosing(run), arithmetic)
        network = anytime.with_exits(exits.tolerance, exits.most, cycles=exits.cycles)
    return network


def evaluate_lengths(run: Run) -> dict[str, Any]:
    """Accuracy of the network file, and at other stream lengths, each trained for by itself."""
    config, trained = run.config, run.workspace.results["finetune"]
    rows = {}
    if config.sc.length == 1 << config.sc.bits:
        rows[config.sc.length] = columns_of(trained)
    others = [length for length in config.lengths if length not in rows]
    model = _float_model(run)
    for row in accuracy_by_length(
        model,
        run.dataset,
        others,
        sc_config=config.sc,
        train_config=config.finetune,
        progress=run.progress,
    ):
        rows[row.length] = {
            "sc_post_training": 100 * row.sc_post_training,
            "sc_fine_tuned": 100 * row.sc_fine_tuned,
            "int_post_training": 100 * row.binary_post_training,
            "int_fine_tuned": 100 * row.binary_fine_tuned,
        }
    return {
        "images": len(run.dataset.test_images),
        "sc": _accuracy(run, run.network, run.config.array.arithmetic),
        "by_length": [{"stream_length": length, **rows[length]} for length in sorted(rows)],
    }


def columns_of(finetuned: dict[str, Any]) -> dict[str, float]:
    """Accuracies (%) in the result of the step ``finetune``, by ``report.COLUMNS``."""
    return {
        f"{name}_{stage}": finetuned[kind][stage]
        for name, kind in (("sc", "streams"), ("int", "integers"))
        for stage in ("post_training", "fine_tuned")
    }


def convert_and_evaluate(
    run: Run, sc: ScConfig, arithmetic: str, recipe: FineTuneConfig | None
) -> float:
    """Golden accuracy (%) of the float network converted as ``sc`` says, then fine-tuned or not."""
    converted = _converted(run, sc, arithmetic)
    if recipe:
        finetune_converted(converted, _learnt(run), recipe)
    return _accuracy(run, converted.to_network("converted"), arithmetic)


def check_model(run: Run, *, accelerated: bool = True) -> None:
    """Refuse a model that does not suit the images, before it is trained.

    accelerated: refuse what the accelerator cannot run, too.
    """
    name, shape, classes = run.config.model, run.dataset.in_shape, run.dataset.num_classes
    model = create_model(name, shape, classes, normalisation=run.config.data.normalisation)
    check_scores(model, name, shape, classes)
    if accelerated:
        lengths_and_neurons(read_chain(model, shape), run.config.sc)


def describe_model(run: Run) -> list[str]:
    """What the model is before it is trained: its own file, what that made, and code it is made of.

    Weights that the file loads are in the digest, and so is all that modules print of themselves,
    whatever other file says it.
    """
    model, file = _new_model(run), model_file(run.config.model)
    source = [file_digest(file)] if file else []
    return [model_digest(model), *source, *map(file_digest, _user_code(model))]


def _user_code(model: Any) -> list[Path]:
    """Files of the modules' classes, but for those of torch and of Bitrain."""
    found = set()
    for kind in {type(module) for module in model.modules()}:
        if kind.__module__.partition(".")[0] in ("torch", "bitrain"):
            continue
        try:
            found.add(Path(inspect.getfile(kind)))
        except (OSError, TypeError):  # of the model's own file, which is no module
            continue
    return sorted(found)


def _checkpoint(run: Run, name: str) -> str:
    """Relative path: a recipe's checkpoints are its own, and go on where they were left."""
    return f"checkpoints/{name}-{run.workspace.key}.pt"


def _float_model(run: Run):
    """The float network, from its finished checkpoint, if it is the one that was trained."""
    trained = run.workspace.results["train"]
    model, wanted = _train(run, trained["checkpoint"])[0], np.array(trained["scores"])
    difference = np.abs(np.array(_some_scores(run, model)) - wanted).max()
    if not difference <= SAME * np.abs(wanted).max():
        raise BitrainError(
            f"model {run.config.model}: built again with its trained weights it gives other scores "
            f"than after training (off by {difference:.2g}); keep all that it computes with in "
            "parameters and persistent buffers"
        )
    return model


def _some_scores(run: Run, model: Any) -> list[list[float]]:
    """Scores of some test images, by which a model is known again."""
    images, _ = run.dataset.examples(SCORED_IMAGES)
    return scores_of(model, images).tolist()


def _new_model(run: Run) -> Any:
    """The float network before its training."""
    config, dataset = run.config, run.dataset
    options = {
        "seed": config.train.seed,
        "pretrained": config.pretrained,
        "normalisation": config.data.normalisation,
    }
    return create_model(config.model, dataset.in_shape, dataset.num_classes, **options)


def _train(run: Run, checkpoint: str, *, progress: bool = False) -> tuple[Any, list[float]]:
    """The float network and the mean loss of every epoch; none if its weights are given.

    Those of a program (an ONNX file, a ``.pt2``) are in it.
    """
    model, config = _new_model(run), run.config
    if config.pretrained is not None or isinstance(model, Program):
        return model.eval(), []
    path = run.workspace.path(checkpoint)
    return model, fit(model, _learnt(run), config.train, checkpoint=path, progress=progress)


def _converted(run: Run, sc: ScConfig, arithmetic: str) -> ScModel:
    dataset = _learnt(run)
    with torch_threads(run.config.finetune.threads):
        model, images = _float_model(run), dataset.train_images
        return convert(model, dataset.in_shape, images, sc, arithmetic)


def _finetune(run: Run, converted: ScModel, checkpoint: str) -> None:
    path, title = run.workspace.path(checkpoint), f"fine-tune, {converted.arithmetic}"
    job: Job = {"checkpoint": path, "title": title, "progress": run.progress}
    finetune_converted(converted, _learnt(run), run.config.finetune, **job)


def _held_out(run: Run) -> int:
    """Training images that choose exits."""
    exits = run.config.exit
    if exits is None:
        return 0
    if exits.held_out is not None:
        return exits.held_out
    return min(HELD_OUT, len(run.dataset.train_labels) // 5)


def check_exit(run: Run) -> None:
    """Refuse, before anything is trained, images held out that there are not."""
    if not (count := _held_out(run)):
        return
    try:
        run.dataset.check_validation(count)
    except BitrainError as error:
        raise BitrainError(
            f"exit: held_out = {count}: {error}; give fewer, or 0 to choose exits on images that "
            "are learnt"
        ) from error


def _learnt(run: Run) -> Dataset:
    """What is learnt: all training images but those that are held out."""
    whole, count = run.dataset, _held_out(run)
    if not count:
        return whole
    rest = whole.split_validation(count)
    return replace(rest, test_images=whole.test_images, test_labels=whole.test_labels)


def _choosing(run: Run) -> Dataset:
    """Training images that choose exits, as the test images of a data set."""
    whole, count = run.dataset, _held_out(run)
    if count:
        return whole.split_validation(count)
    images, labels = (
        evenly_spaced(array, LEARNT_IMAGES) for array in (whole.train_images, whole.train_labels)
    )
    return replace(whole, test_images=images, test_labels=labels)


def _accuracy(run: Run, network: Network, arithmetic: str) -> float:
    """Per cent of the test images, by the golden model."""
    return 100 * evaluate_network(network, run.dataset, arithmetic)
