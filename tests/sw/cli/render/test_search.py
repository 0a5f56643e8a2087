"""Tables of recasting and searches that went only so far."""

from io import StringIO

from rich.console import Console

from bitrain.cli.render.search import comparison_table, recast_summary, search_table


def printed(thing) -> str:
    stream = StringIO()
    Console(file=stream, width=200).print(thing)
    return stream.getvalue()


COSTS = {"macs": 1200, "memory_access": 3400}


def test_search_that_stopped_early() -> None:
    result = {"name": "s", "data": "digits", "teacher": {"accuracy": 97.5, **COSTS}}
    text = printed(search_table(result))
    assert "97.50 %" in text and "1,200" in text and "found" not in text
    result |= {"retrain": {"accuracy": 98, **COSTS}}
    result |= {"baselines": {"coarse, longer": {"accuracy": 96, **COSTS}}}
    text = printed(search_table(result))
    assert "stages, retrained" in text and "random, as many images" in text


def test_medians_and_ranges() -> None:
    rows = [{"accuracy": a, "inherited": None, **COSTS} for a in (90.0, 94.0, 92.0)]
    result = {"name": "s", "data": "digits", "seeds": [0, 1, 2], "networks": {"found": rows}}
    text = printed(comparison_table(result))
    assert "92.00 (90.00 … 94.00) %" in text and "none" in text


def test_summary_of_a_recasting() -> None:
    latency = {"1": {"seconds": 0.002, "speedup": 1.5}}
    cost = {"teacher": {"cycles": None}, "student": {"cycles": 1234, "latency": latency}}
    speed, cycles = recast_summary({"cost": cost})
    assert speed.startswith("batch 1: 2.00 ms on this CPU, one thread, 1.50 times as fast")
    assert cycles.endswith("teacher cannot run, student 1,234")
