"""``bitrain recast``: a trained teacher into a student of other blocks, each step resumable.

Every block is a step of its own in the output folder, so that a plan which is changed at one block
goes on from there. Accuracies are of the test images.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from torch import nn

from bitrain.data import Dataset, evenly_spaced, load_dataset
from bitrain.export import CHECK_IMAGES, export_network
from bitrain.frontend import read_chain
from bitrain.models import (
    Normalisation,
    check_scores,
    create_model,
    model_digest,
    read_metadata,
    save_weights,
)
from bitrain.nn import ScConfig, convert, lengths_and_neurons
from bitrain.profile.cost import cost_by_block, model_cost
from bitrain.profile.latency import paired_latency
from bitrain.program import Array
from bitrain.runner import plots
from bitrain.runner.config import JobConfig
from bitrain.runner.workspace import Workspace, write_result
from bitrain.runner.yaml_file import read_yaml
from bitrain.spec import BitrainError, save_network, write_atomically
from bitrain.train.evaluate import evaluate, evaluate_network
from bitrain.train.exits import accuracy_by_prefix
from bitrain.train.finetune import finetune_converted
from bitrain.train.loop import Job

from .cycles import propose_rules, sc_cycles
from .match import finetune_student, measure_difference, recast_block
from .parse import parse_blocks
from .plan import RecastFineTuneConfig, RecastPlan
from .stochastic import last_layers, recast_stochastic
from .student import Student, blocks_of, specs_of, untrained

DIFFERENCE_IMAGES = 1000
"""Test images on which activations are compared."""
PRODUCTS = ("student.safetensors", "network.npz", "recast.json", "recast.svg")


class RecastConfig(JobConfig, RecastPlan):
    """A plan as a file: with its data and the array that runs the student."""

    array: Array = Array()

    @property
    def streams(self) -> ScConfig | None:
        """Those of the student, if it is recast into stochastic arithmetic."""
        return self.sc and self.sc.sc


@dataclass
class Recasting:
    """One run of a plan."""

    config: RecastConfig
    teacher: Any
    """nn.Sequential of blocks."""
    dataset: Dataset
    workspace: Workspace
    console: Console
    results: dict[str, Any] = field(default_factory=dict)

    def step(self, name: str, inputs: Any, train: Callable[[Path], Any], result: Callable) -> Any:
        """``train`` with a checkpoint, and ``result`` of what it returns unless that is known."""

        def run() -> Any:
            return train(self.workspace.path(f"checkpoints/{name}-{self.workspace.key}.pt"))

        outputs = (f"checkpoints/{name}-{{key}}.pt",)
        if not self.workspace.step(name, inputs, lambda: result(run()), outputs):
            run()  # finished: gives the weights back at once
        return self.workspace.results[name]

    def measure(self, name: str, inputs: Any, compute: Callable[[], Any]) -> Any:
        """What ``compute`` gives, unless that is known."""
        self.workspace.step(name, inputs, compute)
        return self.workspace.results[name]


def load_plan(path: Path, data_dir: Path | None = None) -> RecastConfig:
    """Read a plan; :class:`BitrainError` names the line that is wrong."""
    return read_yaml(path, RecastConfig, "recast").with_data_dir(data_dir)


def load_teacher(
    source: str,
    dataset: Dataset,
    normalisation: Normalisation | None = None,
    weights: str | None = None,
) -> nn.Sequential:
    """A trained network as blocks.

    source: weights that come with Bitrain or a safetensors file that says which model they belong
    to; or, as of :func:`bitrain.models.create_model`, a model, to load ``weights`` into.
    """
    if source.endswith((".pt2", ".onnx")):
        raise BitrainError(
            f"teacher {source}: recasting replaces modules, and a program holds operations alone; "
            "give the model itself, as file.py:function, and --weights"
        )
    shape, classes = dataset.in_shape, dataset.num_classes
    if weights is None and ":" not in source:
        name, weights = _model_of(source), source
    else:
        name = source
    model = create_model(name, shape, classes, pretrained=weights, normalisation=normalisation)
    check_scores(model, name, shape, classes)
    return parse_blocks(model, shape)


def _model_of(weights: str) -> str:
    """The model that a file of weights names; the file where it describes blocks itself."""
    saved = read_metadata(weights)
    if weights.endswith(".safetensors") and "blocks" in saved:
        return weights
    if isinstance(name := saved.get("model"), str):
        return name
    raise BitrainError(
        f"weights {weights!r} do not say which model they belong to; give the model, and the "
        "weights by --weights"
    )


def run_recast(
    config: RecastConfig,
    source: str,
    directory: Path,
    console: Console,
    *,
    weights: str | None = None,
    budget: float | None = None,
) -> dict[str, Any]:
    """Recast ``source`` as the plan says; writes ``student.safetensors`` and ``recast.json``.

    weights: of the teacher, where ``source`` is its model. Where the plan has ``sc``,
    ``network.npz`` too: the student for the accelerator. With ``budget`` the rules are found, not
    given: those of a student with such a share of the teacher's cycles; the plan with them becomes
    ``plan.yaml``.
    """
    dataset = load_dataset(config.data.name, **config.data.source)
    teacher = load_teacher(source, dataset, config.data.normalisation, weights)
    if budget is not None:
        if config.blocks:
            raise BitrainError(
                "the plan has rules for blocks already; leave them out to have them proposed, or "
                "leave out --objective"
            )
        sc = config.streams or ScConfig()
        rules = propose_rules(teacher, dataset.in_shape, sc, config.array, budget)
        config = config.model_copy(update={"blocks": rules})
        text = yaml.safe_dump(config.model_dump(mode="json", exclude_unset=True), sort_keys=False)
        write_atomically(directory / "plan.yaml", text)
        console.print(f"wrote {directory / 'plan.yaml'}", soft_wrap=True)
    known = len(teacher)
    if beyond := [index for index in config.rules if index >= known]:
        listed = (f"\n  {i}: {spec}" for i, spec in enumerate(specs_of(teacher)))
        raise BitrainError(
            f"block {beyond[0]}: the teacher has {known} blocks, 0 to {known - 1}:{''.join(listed)}"
        )
    # Refuse what does not fit before anything is trained.
    trial = Student(teacher, dataset.in_shape, config.rules)
    for index, rule in config.rules.items():
        trial.replace(index, rule, config.train.seed)
    model = trial.model()
    if config.streams:
        lengths_and_neurons(read_chain(model, dataset.in_shape), config.streams)
    sc_cycles(model, dataset.in_shape, config.streams, config.array)
    if config.scratch:
        untrained(model, config.finetune.seed)
    workspace = Workspace(directory, fingerprint=dataset.digest, products=PRODUCTS)
    run = Recasting(config, teacher, dataset, workspace, console)
    _recast(run)
    result = {
        "name": config.name,
        "data": dataset.note,
        "test_images": len(dataset.test_images),
        "teacher": source,
        **run.results,
    }
    write_result(directory / "recast", result, plots.recasting(result))
    return result


def _recast(run: Recasting) -> None:
    config, dataset, results = run.config, run.dataset, run.results
    base = [model_digest(run.teacher), config.data.model_dump(mode="json"), config.name]
    accuracy = run.measure("teacher", base, lambda: 100 * evaluate(run.teacher, dataset))
    results["accuracy"] = {"teacher": accuracy}
    run.console.print(f"teacher: {accuracy:.2f} %, {len(run.teacher)} blocks")
    student = Student(run.teacher, dataset.in_shape, config.rules)
    results["blocks"] = [_replace(run, student, index) for index in config.rules]
    model = student.model()
    tuned = run.step(
        "finetune",
        config.finetune.model_dump(mode="json"),
        lambda path: finetune_student(
            model, run.teacher, dataset, config.finetune, checkpoint=path, progress=True
        ),
        lambda losses: {"losses": losses, "accuracy": 100 * evaluate(model, dataset)},
    )
    results["accuracy"]["student"] = tuned["accuracy"]
    results["losses"] = tuned["losses"]
    run.console.print(f"student: {tuned['accuracy']:.2f} %")
    saved = {
        "model": "blocks",
        "blocks": [spec.model_dump() for spec in specs_of(model)],
        "data": dataset.note,
        "recipe": config.model_dump(mode="json", include={"blocks", "scope", "train"}),
        "accuracy": tuned["accuracy"],
        "test_images": len(dataset.test_images),
    }
    save_weights(model, run.workspace.path("student.safetensors"), saved)
    trained = _epochs(run, results["blocks"])
    results["epochs"] = trained
    if config.scratch:
        results["accuracy"]["scratch"] = _scratch(run, model, trained)
        run.console.print(f"the same from scratch: {results['accuracy']['scratch']:.2f} %")
    results["student_blocks"] = [spec.model_dump(exclude_defaults=True) for spec in specs_of(model)]
    results["cost"] = _costs(run, model)
    if config.sc:
        results["sc"] = _stochastic(run, model)


def _replace(run: Recasting, student: Student, index: int) -> dict[str, Any]:
    config, dataset = run.config, run.dataset
    rule, last = config.rules[index], min(index + 1, len(student.blocks) - 1)
    old = str(blocks_of(run.teacher)[index].spec)
    student.replace(index, rule, config.train.seed)
    block = student.blocks[index]
    new = str(block.spec) if block is not None else "removed"

    def result(losses: list[float]) -> dict[str, Any]:
        images = evenly_spaced(dataset.test_images, DIFFERENCE_IMAGES)
        hybrid = student.hybrid(run.teacher, last)
        return {
            "block": index,
            "old": old,
            "new": new,
            "losses": losses,
            "difference": measure_difference(student.model(last), run.teacher[: last + 1], images),
            "accuracy": 100 * evaluate(hybrid, dataset),
            **asdict(model_cost(hybrid, dataset.in_shape)),
        }

    found = run.step(
        f"block{index:02d}",
        [rule.model_dump(mode="json"), config.scope, config.train.model_dump(mode="json")],
        lambda path: recast_block(
            *(student, run.teacher, index, dataset, config.train),
            scope=config.scope,
            checkpoint=path,
            progress=True,
        ),
        result,
    )
    run.console.print(
        f"block {index}: {old} -> {new}: difference {found['difference']:.4g}, "
        f"accuracy so far {found['accuracy']:.2f} %",
        soft_wrap=True,
    )
    return found


def _epochs(run: Recasting, blocks: list[dict[str, Any]]) -> int:
    """Epochs of the fine-tuning that are as long as the whole recasting, rounded up."""
    config, whole = run.config, len(run.dataset.train_images)
    matched = sum(len(block["losses"]) for block in blocks) * (config.train.images or whole)
    tuned = len(run.results["losses"]) * (config.finetune.images or whole)
    return -(-(matched + tuned) // (config.finetune.images or whole))


def _scratch(run: Recasting, model: Any, epochs: int) -> float:
    """Accuracy (%) of the same blocks from random weights, trained by the labels alone."""
    fresh = untrained(model, run.config.finetune.seed)
    changes = {"epochs": epochs, "matching": 0}
    recipe = RecastFineTuneConfig.model_validate(run.config.finetune.model_dump() | changes)

    def train(path: Path) -> list[float]:
        job: Job = {"checkpoint": path, "title": "from scratch", "progress": True}
        return finetune_student(fresh, run.teacher, run.dataset, recipe, **job)

    def result(losses: list[float]) -> dict[str, Any]:
        return {"losses": losses, "accuracy": 100 * evaluate(fresh, run.dataset)}

    return run.step("scratch", recipe.model_dump(mode="json"), train, result)["accuracy"]


def _costs(run: Recasting, model: Any) -> dict[str, Any]:
    shape = run.dataset.in_shape
    networks = {"teacher": run.teacher, "student": model}
    sc = run.config.streams
    # Options of single layers are for those of the student.
    same = sc and sc.model_copy(update={"layer_lengths": {}, "layer_neurons": {}})
    streams = {"teacher": same, "student": sc}

    def measure() -> dict[str, Any]:
        latency = paired_latency(dict(networks), shape)
        return {
            name: {
                **asdict(model_cost(network, shape)),
                "macs_by_block": [cost.macs for cost in cost_by_block(network, shape)],
                "cycles": sc_cycles(network, shape, streams[name], run.config.array),
                "latency": {str(batch): asdict(found[name]) for batch, found in latency.items()},
            }
            for name, network in networks.items()
        }

    settings = [part and part.model_dump(mode="json") for part in (run.config.array, sc)]
    return run.measure("cost", settings, measure)


def _stochastic(run: Recasting, model: Any) -> dict[str, Any]:
    """Streams in the place of real numbers, block by block; writes ``network.npz``."""
    recipe, dataset = run.config.sc, run.dataset
    assert recipe is not None

    def accuracy(sc_model: Any, arithmetic: str = "stochastic") -> float:
        return 100 * evaluate_network(sc_model.to_network(run.config.name), dataset, arithmetic)

    def converted(arithmetic: str = "stochastic"):
        return convert(model, dataset.in_shape, dataset.train_images, recipe.sc, arithmetic)

    sc_model = converted()
    settings = recipe.model_dump(mode="json")
    result: dict[str, Any] = {"stream_length": recipe.sc.length, "blocks": []}
    result["converted"] = run.measure("stream_converted", settings, lambda: accuracy(sc_model))
    for index in last_layers(sc_model):

        def match(path: Path, index: int = index) -> list[float]:
            job: Job = {"checkpoint": path, "progress": True}
            return recast_stochastic(sc_model, index, dataset, recipe, **job)

        found = run.step(f"stream{index:02d}", settings, match, lambda losses: {"losses": losses})
        result["blocks"].append({"layer": sc_model.steps[index].source.name, **found})
    result["matched"] = run.measure("stream_matched", settings, lambda: accuracy(sc_model))
    for name, tuned in (("sc", sc_model), ("integer", converted("binary"))):
        found = run.step(
            f"{name}_finetune",
            settings,
            lambda path, tuned=tuned, name=name: finetune_converted(
                tuned, dataset, recipe.finetune, checkpoint=path, title=name, progress=True
            ),
            lambda _, tuned=tuned: accuracy(tuned, tuned.arithmetic),
        )
        result[name] = found
        run.console.print(f"{name}: {found:.2f} % at L = {recipe.sc.length}")
        if recipe.sc.lengths:
            shorter = f"{name}_prefixes"
            result[shorter] = run.measure(
                shorter, settings, lambda tuned=tuned: accuracy_by_prefix(tuned, dataset)
            )
    images, _ = dataset.examples(CHECK_IMAGES)
    notes = {**run.config.data.metadata(dataset.classes), "model": "recast"}
    network = export_network(sc_model, run.config.name, images, notes)
    save_network(network, run.workspace.path("network.npz"))
    return result
