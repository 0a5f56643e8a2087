"""What is said of a design is what the cost model and the resource model say of it."""

from dataclasses import replace

import pytest
from networks import lenet5_shaped, random_network, worded
from studied import LENGTH

from bitrain.accelerator import compile_network
from bitrain.cost import WeightFeed, latency_fed
from bitrain.explore.energy import ChunkEnergy, num_chunks
from bitrain.explore.evaluate import details, evaluate, mean_cycles
from bitrain.explore.space import Design
from bitrain.gen.families.devices import find_device
from bitrain.resources.model import model_of, needed_model

DEVICE = find_device("ecp5-25k")
MODEL = needed_model(DEVICE)
SIZES = {"channels": 4, "positions": 4, "lanes": 4, "width": 1, "engines": 1}


def rows_of(space, accelerator: int, **sizes):
    design = space.design(accelerator, SIZES | sizes)
    rows = evaluate(space.accelerators[accelerator], design, DEVICE, MODEL)
    return design, {row.get("title"): row for row in rows}


def test_a_row_has_the_models_numbers(space):
    design, rows = rows_of(space, 0)
    (row,) = rows.values()
    engines = compile_network(space.accelerators[0].network, design.config)
    estimate = MODEL.predict(engines, DEVICE)
    assert row["design"] == design.key
    assert (row["lut"], row["routed_lut"], row["ff"]) == (
        estimate.lut,
        estimate.routed_lut,
        estimate.ff,
    )
    assert row["cycles"] == engines.cost.initiation_interval
    assert row["images_per_s"] == pytest.approx(1e6 * estimate.clock_mhz / row["cycles"])
    assert row["latency_ms"] == pytest.approx(engines.cost.latency / estimate.clock_mhz / 1e3)
    assert row["multipliers"] == 4 * 4 * 4
    assert row["accuracy"] == space.accelerators[0].ways[0].accuracy
    assert "energy_nj" not in row


def test_exits_take_the_cycles_of_all_their_runs(space):
    design, rows = rows_of(space, 4)
    engines = compile_network(space.accelerators[4].network, design.config)
    costs = engines.prefix_costs
    way = space.accelerators[4].ways[-1]
    shares = [seed[1][1] for seed in way.shares]
    latency = costs[8].latency + costs[LENGTH].latency * sum(shares) / 2  # the median of two
    part = engines.cost.parts[0]
    expected = part.load_cycles + latency + part.output_cycles
    assert rows["streams, exits"]["cycles"] == pytest.approx(expected)
    alone = rows[f"streams, n = 5, L = {LENGTH}, one set of weights"]["cycles"]
    assert alone == part.load_cycles + costs[LENGTH].latency + part.output_cycles


def test_other_exits_than_the_files_need_registers(space):
    _, with_axi = rows_of(space, 4)
    _, raw = rows_of(replace(space, interface="raw"), 4)
    assert len(with_axi) == len(space.accelerators[4].ways)
    assert list(raw) == ["streams, exits"]


def test_several_engines_work_on_images_at_a_time(space):
    network = worded(random_network(0, lanes=4), 2)
    way = replace(space.accelerators[0].ways[0], lengths=(network.layers[0].stream_length,))
    made = replace(space.accelerators[0], network=network, ways=(way,))
    _, rows = rows_of(replace(space, accelerators=(made,)), 0, engines=2)
    (row,) = rows.values()
    engines = compile_network(network, Design.of_key(row["design"]).config)
    assert row["cycles"] == engines.cost.initiation_interval < engines.cost.latency
    assert row["multipliers"] == 2 * 4 * 4 * 4


def test_a_design_that_does_not_go_together_says_why(space):
    def problem(space, accelerator, **sizes):
        design, rows = rows_of(space, accelerator, **sizes)
        (row,) = rows.values()
        assert "lut" not in row and row["design"] == design.key
        assert row["channels"] == design.config.array.channels
        return row["problem"]

    assert "can be shared out to 1 … 1" in problem(space, 0, engines=2)
    assert "images of different stream lengths" in problem(space, 4, engines=2)
    assert "weights" in problem(replace(space, weights="ram", interface="raw"), 0)


def test_weights_from_outside_are_waited_for(space):
    outside = replace(space, weights="stream")
    design, _ = rows_of(outside, 4)
    program = compile_network(space.accelerators[4].network, design.config).programs[0]
    runs = [program.prefix_programs[length] for length in (8, LENGTH)]
    short, both = (latency_fed(runs[:k], WeightFeed(program), taken=0) for k in (1, 2))
    shares = [seed[1][1] for seed in space.accelerators[4].ways[-1].shares]
    engines = compile_network(space.accelerators[4].network, design.config)
    _, latency = mean_cycles(space.accelerators[4].ways[-1], engines)
    assert latency == pytest.approx(short + (both - short) * sum(shares) / 2)


def test_linear_layers_wait_for_weights_from_outside(space):
    """They read each weight once, and a word of 16 channels is two beats."""
    way = replace(space.accelerators[0].ways[0], lengths=(4,), shares=(((4, 1.0),),))
    made = replace(space.accelerators[0], network=lenet5_shaped(4), ways=(way,))
    inside = replace(space, accelerators=(made,))
    sizes = {"channels": 16, "lanes": 16}
    cycles = [
        next(iter(rows_of(each, 0, **sizes)[1].values()))["cycles"]
        for each in (inside, replace(inside, weights="stream"))
    ]
    assert cycles[0] < cycles[1]


def test_energy_is_that_of_the_chunks_of_all_runs(space):
    energies = {
        4: {
            length: ChunkEnergy(coefficients=(1000.0 * length, 0, 0, 0, 0))
            for length in (4, 8, LENGTH)
        }
    }
    made = list(space.accelerators)
    made[4] = replace(made[4], energies=energies)
    design, rows = rows_of(replace(space, accelerators=tuple(made)), 4)
    program = compile_network(made[4].network, design.config).programs[0]
    shares = [seed[1][1] for seed in made[4].ways[-1].shares]
    expected = num_chunks(program) * (8 + LENGTH * sum(shares) / 2)
    assert rows["streams, exits"]["energy_nj"] == pytest.approx(expected)


def test_details_are_those_of_layers_and_blocks(space):
    design, rows = rows_of(space, 0)
    found = details(space.accelerators[0], design, DEVICE, MODEL)
    (row,) = rows.values()
    engines = compile_network(space.accelerators[0].network, design.config)
    cycles = [each.cycles for each in engines.cost.parts[0].layers]
    assert list(found["layers"][LENGTH].values()) == cycles
    ram = row["lut"] - sum(found["blocks"].values())
    assert ram + len(found["blocks"]) >= 0  # the rest is distributed RAM, up to rounding
    assert model_of("ice40") is None


def test_cycles_of_layers_at_each_length(space):
    design, _ = rows_of(space, 4)
    found = details(space.accelerators[4], design, DEVICE, MODEL)["layers"]
    assert set(found) == {4, 8, LENGTH} | set(found)
    assert sum(found[4].values()) < sum(found[LENGTH].values())


def test_registers_that_choose_a_way(space):
    said = {title: row["registers"] for title, row in rows_of(space, 4)[1].items()}
    file = space.accelerators[4].file
    assert said["streams, exits"] == "as after reset"
    assert said["streams, n = 5, L = 4, one set of weights"] == (
        "STREAM_LENGTH = 4, LADDER_MARGIN.RUN = 0"
    )
    prints = f"as `bitrain progressive {file} --tolerance=0.2` prints"
    assert said["streams, exits, tolerance 0.2"] == prints
    (alone,) = rows_of(space, 0)[1].values()
    assert alone["registers"] == ""
