"""Memory of the search of single stages, against all of them together (end to end)."""

from pathlib import Path

import pytest
import yaml

from bitrain.nas.flow.config import NasConfig, given_genotype
from bitrain.nas.flow.steps import stage_task
from bitrain.nas.network import coarse_network
from bitrain.nas.stage import search_memory

EXAMPLE = Path(__file__).parents[2] / "examples" / "search" / "cifar10.yaml"


@pytest.mark.parametrize("cells", [(2, 2, 2), (2, 3, 3), (1, 2, 3)])
def test_peak_memory(benchmark, record, random_images, tmp_path, cells):
    content = yaml.safe_load(EXAMPLE.read_text())
    content["space"]["cells"] = cells
    config = NasConfig.model_validate(content)
    dataset = random_images(2 * config.search.batch_size)
    assert config.genotype is not None
    genotype = given_genotype(config.genotype)
    teacher = coarse_network(config.space, genotype, dataset.in_shape, dataset.num_classes, seed=0)

    def measure(together: bool) -> list[int]:
        search = config.search.model_copy(update={"together": together})
        own = config.model_copy(update={"search": search})
        stages = range(1 if together else len(cells))
        tasks = [stage_task(own, genotype, tmp_path, index) for index in stages]
        return [search_memory(task, teacher, dataset) for task in tasks]

    alone = benchmark.pedantic(measure, (False,), rounds=1)
    (together,) = measure(True)
    record(
        "Peak memory of a super-network's training",
        cells=" ".join(map(str, cells)),
        **{f"stage {i}, MiB": size / 2**20 for i, size in enumerate(alone)},
        **{"end to end, MiB": together / 2**20, "largest / end to end": max(alone) / together},
    )
    # A stage of as many cells as the others is more than half of the network: maps shrink by half.
    assert max(alone) / together <= (0.6 if cells[0] < cells[-1] else 0.7)
