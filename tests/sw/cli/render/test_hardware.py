"""Tables of tools and proofs."""

from io import StringIO

from rich.console import Console

from bitrain.cli.render.hardware import proofs_table, tools_table
from bitrain.formal import ProofResult
from bitrain.gen.tools.tools import find_tools


def printed(thing) -> str:
    stream = StringIO()
    Console(file=stream, width=200).print(thing)
    return stream.getvalue()


def test_every_tool_with_its_version_or_the_way_to_it() -> None:
    records = find_tools()
    text = printed(tools_table(records))
    for record in records:
        assert record.name in text
        assert record.problem or not record.found or str(record.version) in text


def test_what_is_not_proven_stands_out() -> None:
    results = [
        ProofResult(claim="a", method="SAT", proven=True, detail="", seconds=1.23),
        ProofResult(claim="b", method="SAT", proven=False, detail="at 3", seconds=0),
    ]
    lines = printed(proofs_table(results)).splitlines()
    assert [line for line in lines if "NOT PROVEN" in line] == [
        line for line in lines if " b " in line and "at 3" in line
    ]
    assert any(" proven " in line and " 1.2 " in line for line in lines)
