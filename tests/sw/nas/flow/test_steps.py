"""What the steps of a search hand on."""

from pathlib import Path

import pytest

from bitrain.nas.flow.steps import in_folder, stage_task
from bitrain.nas.genotype import KNOWN
from bitrain.program import Array


def test_paths_of_a_stage_lie_below_the_runs_folder():
    stage = {"stage": 1, "weights": "1.pt", "whole": "1-whole.pt", "macs": 3}
    assert in_folder(Path("stages/fine-ab"), stage) == {
        **stage,
        "weights": "stages/fine-ab/1.pt",
        "whole": "stages/fine-ab/1-whole.pt",
    }


@pytest.mark.parametrize("cycles", [0.0, 0.5])
def test_an_array_counts_where_cycles_are_weighed(config, tmp_path, cycles):
    penalty = config.search.penalty.model_copy(update={"cycles": cycles})
    search = config.search.model_copy(update={"penalty": penalty})
    given = config.model_copy(update={"search": search, "array": Array(positions=2)})
    task = stage_task(given, KNOWN["residual"], tmp_path, 1)
    assert task.array == (given.array if cycles else None)
    assert (task.index, task.folder, task.logs) == (1, tmp_path, None)
    assert (task.space, task.search, task.prune) == (given.space, search, given.prune)
