"""Tables of the studies."""

from io import StringIO

from rich.console import Console

from bitrain.cli.render.studies import (
    ablation_table,
    anytime_table,
    arithmetic_table,
    faults_table,
    study_table,
)
from bitrain.studies.accuracy import COLUMNS


def printed(thing) -> str:
    stream = StringIO()
    Console(file=stream, width=200).print(thing)
    return stream.getvalue()


def test_a_column_for_each_training() -> None:
    rows = [{"stream_length": 16, **{key: 90 + i for i, key in enumerate(COLUMNS)}}]
    study = {"model": "m", "seeds": [0, 2], "test_images": 10_000, "float": 99.5, "by_length": rows}
    text = printed(study_table(study))
    assert "10,000 test images, median of seeds 0, 2; float 99.50 %" in text
    for i, label in enumerate(COLUMNS.values()):
        assert label in text and f" {90 + i}.00 " in text


def test_a_line_for_each_length_of_one_set_of_weights() -> None:
    study = {
        "anytime": {
            "streams": {
                "by_prefix": {"2": 90.0, "16": 99.0},
                "exit_accuracy": 98.5,
                "mean_cycles": 4.25,
            },
            "integers": {"by_prefix": {"16": 99.5}, "exit_accuracy": 99.25, "mean_cycles": 16.0},
        }
    }
    lines = printed(anytime_table(study)).splitlines()
    (short,) = (line for line in lines if "90.00" in line)
    assert "99" not in short, "integers of one bit have no run"
    assert any("99.00" in line and "99.50" in line for line in lines)
    assert any("98.50 in 4.25 cycles" in line and "99.25 in 16.00" in line for line in lines)


def test_a_line_for_each_combination() -> None:
    common = {"sequences": "Sobol", "wiring": "one for each lane", "upscale": True}
    rows = [
        {**common, "normalise": on, "stream_length": length, "accuracy": 50 + length + on}
        for on in (True, False)
        for length in (16, 4)
    ]
    lines = printed(ablation_table({"model": "m", "float": 99, "rows": rows})).splitlines()
    (on,) = (line for line in lines if " on " in line and " off " not in line)
    (off,) = (line for line in lines if " off " in line)
    assert on.index("55.00") < on.index("67.00"), "shorter streams come first"
    assert off.index("54.00") < off.index("66.00")


def test_accuracy_is_left_out_where_none_is_known() -> None:
    row = {
        "bits": 4,
        "stream_length": 16,
        "arithmetic": "binary",
        "lanes": 1,
        "lut": 1000,
        "dsp": 0,
    }
    row |= {"image_cycles": 5000, "images_per_s": 1e4, "images_per_s_per_klut": 1e4}
    result = {"circuit": "array", "channels": 4, "positions": 4, "device": "d", "tag": "t"}
    result |= {"clock_mhz": 80, "rows": [{**row, "accuracy": None}, {**row, "accuracy": 98.765}]}
    text = printed(arithmetic_table(result))
    assert text.count(" 80.0 ") == 2 and text.count(" %") == 1 and "98.77 %" in text


def test_a_line_for_each_site_with_faults() -> None:
    rows = [
        {"arithmetic": arithmetic, "site": "streams", "rate": rate, "bits": 12_345}
        | {"median": 98.04, "low": 97.0, "high": 99.0}
        for arithmetic in ("stochastic", "binary", "bitserial")
        for rate in (1e-5, 0.1)
    ]
    clean = {"stochastic": 99.125, "binary": 99.5, "bitserial": 98.25}
    result = {"images": 1000, "seeds": 20, "rates": [1e-5, 0.1], "without_faults": clean}
    text = printed(faults_table(result | {"rows": rows}))
    assert "1,000 test images" in text and "20 seeds" in " ".join(text.split())
    first, second, third = (line for line in text.splitlines() if "12,345" in line)
    assert "streams" in first and "stream bits" in first and " 99.12 " in first
    assert "integers" in second and "operand bits" in second and " 99.50 " in second
    assert "bit-serial integers" in third and "selected bits" in third and " 98.25 " in third
    assert first.count(" 98.0 ") == 2 and text.count("97.0…99.0") == 6
