"""The search of a stage from the super-network to its cells."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from epochs import no_epochs
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bitrain.nas.genotype import KNOWN, CellGenotype
from bitrain.nas.join import join_stages
from bitrain.nas.network import derived_network, edges_of
from bitrain.nas.prune import PruneConfig
from bitrain.nas.search import reference_cost
from bitrain.nas.stage import StageTask, random_stages, recover_stages, search_memory, search_stage
from bitrain.profile.cost import model_cost
from bitrain.spec import BitrainError

from .conftest import ACCELERATOR, RECIPE, TORCH

GENOTYPE = KNOWN["residual"]


def task_of(index=1, space=TORCH, **options) -> StageTask:
    settings = {
        "search": RECIPE,
        "prune": PruneConfig(budget=0.5, networks=8),
        "recovery_epochs": 1,
        **options,
    }
    return StageTask(index=index, space=space, genotype=GENOTYPE, **settings)


@pytest.fixture
def task(tmp_path):
    def make(index=1, space=TORCH, **options) -> StageTask:
        return task_of(index, space, folder=tmp_path / "stages", **options)

    return make


def test_a_stage_is_searched(space, make_teacher, few, task, tmp_path):
    teacher = make_teacher(space)
    (found,) = search_stage(task(1, space), teacher, few)
    limit = 0.5 * reference_cost(teacher, 1, few.in_shape).macs
    assert found["stage"] == 1 and 0 < found["macs"] <= limit
    assert next(iter(found["losses"])) == "search" and len(found["losses"]["round 1"]) == 1
    assert all(sum(table.values()) == pytest.approx(1) for table in found["strengths"].values())
    # The file is that of the stage which the cells make.
    (other,) = search_stage(task(0, space), teacher, few)
    cells = [[CellGenotype.model_validate(c) for c in s["cells"]] for s in (other, found)]
    network = derived_network(space, cells, few.in_shape, few.num_classes, seed=9)
    files = [tmp_path / "stages" / stage["weights"] for stage in (other, found)]
    join_stages(network, teacher, files)
    total = reference_cost(network.eval(), 1, few.in_shape).macs
    assert total == found["macs"]
    for ours, theirs in ((network.stem, teacher.stem), (network.head, teacher.head)):
        assert all(
            torch.equal(*pair)
            for pair in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
        )


@pytest.fixture(scope="module")
def finished(make_teacher, few, tmp_path_factory):
    """The folder of a search with logs, and its result; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    task = task_of(folder=folder / "stages", logs=folder / "logs")
    return folder, search_stage(task, make_teacher(TORCH), few)


@pytest.fixture
def again(finished, make_teacher, few, tmp_path):
    """Search once more, in a copy of that folder."""
    stages = tmp_path / "again"
    shutil.copytree(finished[0] / "stages", stages)
    return lambda: search_stage(task_of(folder=stages), make_teacher(TORCH), few)


def test_a_second_call_gives_the_same_and_trains_nothing(finished, again):
    with no_epochs():
        assert again() == finished[1]


@pytest.mark.parametrize("name", ["round1", "search"])
def test_what_was_lost_is_done_again(finished, again, tmp_path, name):
    _, first = finished
    weights = (tmp_path / "again" / first[0]["weights"]).read_bytes()
    (tmp_path / "again" / f"stage1-{name}.pt").unlink()
    (tmp_path / "again" / first[0]["weights"]).unlink()
    assert again() == first
    assert (tmp_path / "again" / first[0]["weights"]).read_bytes() == weights


def test_importance_by_strength(make_teacher, few, task):
    (found,) = search_stage(
        task(prune=PruneConfig(budget=0.5, importance="strength")), make_teacher(TORCH), few
    )
    assert found["macs"] <= 0.5 * reference_cost(make_teacher(TORCH), 1, few.in_shape).macs


def test_a_budget_that_no_network_meets(make_teacher, few, task):
    with pytest.raises(BitrainError, match="raise the budget, or offer cheaper ones"):
        search_stage(
            task(space=ACCELERATOR, prune=PruneConfig(budget=0.001)),
            make_teacher(ACCELERATOR),
            few,
        )


def test_random_networks(space, make_teacher, few):
    teacher = make_teacher(space)
    limits = [0.5 * reference_cost(teacher, index, few.in_shape).macs for index in (0, 1)]
    drawn = [
        random_stages(space, GENOTYPE, teacher, few, limits=limits, seed=seed) for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    known = {*space.operations, "skip", "conv_3x3"}
    for cells in drawn:
        network = derived_network(space, cells, few.in_shape, few.num_classes)
        found = [reference_cost(network.eval(), i, few.in_shape).macs for i in (0, 1)]
        assert all(macs <= limit for macs, limit in zip(found, limits, strict=True))
        assert {op for s in cells for cell in s for node in cell.nodes for op, _ in node} <= known
        assert model_cost(network, few.in_shape).macs > 0


def test_what_tensorboard_shows(finished):
    folder, (found,) = finished
    events = EventAccumulator(str(folder / "logs" / "stage1-search"))
    events.Reload()
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(
        found["losses"]["search"]
    )
    tags = events.Tags()["scalars"]
    assert {"expected/macs", "expected/memory_access", "expected/cycles"} < set(tags)
    path, table = next(iter(found["strengths"].items()))
    for name, share in table.items():
        assert events.Scalars(f"strength/{path}/{name}")[-1].value == pytest.approx(share)
    rounds = {folder.name for folder in (folder / "logs").iterdir()}
    assert rounds == {f"stage1-{name.replace(' ', '')}" for name in found["losses"]}


def test_memory_is_that_of_the_search_not_of_the_data(make_teacher, few, task):
    teacher, doubled = (
        make_teacher(TORCH),
        replace(
            few,
            train_images=np.concatenate([few.train_images] * 9),
            train_labels=np.concatenate([few.train_labels] * 9),
        ),
    )
    alone = [search_memory(task(), teacher, dataset) for dataset in (few, doubled)]
    assert alone[0] == alone[1] > 0
    config = task().search.model_copy(update={"together": True})
    assert search_memory(task(0, search=config), teacher, few) > alone[0]


def test_stages_that_recover(make_teacher, few, recipe, tmp_path):
    """As many epochs as asked for, towards the teacher, and nothing is left out any more."""
    teacher = make_teacher(TORCH)
    limits = [0.5 * reference_cost(teacher, index, few.in_shape).macs for index in (0, 1)]
    cells = random_stages(TORCH, GENOTYPE, teacher, few, limits=limits, seed=0)
    network = derived_network(TORCH, cells, few.in_shape, few.num_classes, seed=1)
    before = [
        {name: tensor.clone() for name, tensor in stage.state_dict().items()}
        for stage in network.stages
    ]
    search = recipe.model_copy(update={"drop": 0.5})
    recover_stages(
        *(network, teacher, few, search),
        epochs=[0, 3],
        checkpoint=lambda index: tmp_path / f"{index}.pt",
    )
    assert [path.name for path in tmp_path.glob("*.pt")] == ["1.pt"]
    losses = torch.load(tmp_path / "1.pt", weights_only=False)["losses"]
    assert len(losses) == 3 and losses[-1] < losses[0]
    changed = [
        any(not torch.equal(old[name], tensor) for name, tensor in stage.state_dict().items())
        for old, stage in zip(before, network.stages, strict=True)
    ]
    assert changed == [False, True]
    assert all(edge.drop == 0 for _, edge in edges_of(network))
