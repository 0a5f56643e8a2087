"""Tables of the cost model: every number is that of the program."""

from io import StringIO

from networks import compiled, dense_network, random_network
from rich.console import Console

from bitrain.cli.render.cost import cost_table, memory_table, print_mean, print_memories
from bitrain.program import Array

NETWORK = random_network(1, lanes=4)
ARRAY = Array(channels=2, positions=2, lanes=4)


def printed(*things, call=None) -> str:
    stream = StringIO()
    console = Console(file=stream, width=160)
    if call:
        call(console)
    for thing in things:
        console.print(thing)
    return stream.getvalue()


def test_cost_of_every_layer() -> None:
    (cost,) = compiled(NETWORK, ARRAY).cost.parts
    lines = printed(cost_table(cost)).splitlines()
    for layer in cost.layers:
        (line,) = (line for line in lines if f" {layer.name} " in line)
        for number in (layer.cycles, layer.macs, layer.activation_reads, layer.writes):
            assert f" {number:,} " in line
    assert any(" all " in line and f" {cost.latency:,} " in line for line in lines)
    assert "engine 1" in printed(cost_table(cost, "engine 1"))


def test_buffers_of_a_dense_network() -> None:
    (program,) = compiled(dense_network(lanes=4), ARRAY).programs
    text = printed(memory_table(program))
    for buffer, base in zip(program.buffers, program.buffer_bases, strict=True):
        assert f" {buffer.size:,} " in text and f" {base + buffer.size - 1:,} " in text
    assert " + " in text, "maps behind each other are one buffer"


def test_memories_of_every_engine_and_the_warning() -> None:
    def show(console: Console) -> None:
        print_memories(compiled(NETWORK, ARRAY, engines=2), "ecp5-25k", console)

    text = printed(call=show)
    assert text.count("Memories on ecp5-25k, estimated") == 2 and "warning" not in text
    large = random_network(0, lanes=4, in_shape=(4, 60, 60), classes=100)
    text = printed(call=lambda c: print_memories(compiled(large, ARRAY), "ice40-hx8k", c))
    assert "warning: memories do not fit ice40-hx8k: about" in text


def test_mean_leaves_out_what_was_not_measured() -> None:
    text = printed(call=lambda c: print_mean("saved", [100, None, 50], [100] * 3, c))
    assert text == "saved: 75 cycles on average over 2 images, -25.0%\n"
