"""Groups, attributes and comments of a Liberty file."""

import pytest

from bitrain.gen.asic.syntax import parse

TEXT = """
// of one line
library ("my cells", 2) {   /* of
  several */
  a : 1.5;  b : "x, y"; c (1, pf) ; d : VDD + 0.5
  e ("1, 2", \\
     "3, 4");
  cell (INV) { area : 1; pin (A) { direction : input } };
  cell (BUF) { a : 2; a : 3; }
}
"""


def test_what_a_file_says() -> None:
    found = parse(TEXT)
    assert (found.kind, found.args) == ("library", ["my cells", "2"])
    assert found.values == {
        "a": ["1.5"],
        "b": ["x, y"],
        "c": ["1", "pf"],
        "d": ["VDD + 0.5"],
        "e": ["1, 2", "3, 4"],
    }
    inverter, buffer = found.of("cell")
    assert inverter.number("area") == 1 and inverter.of("pin")[0].text("direction") == "input"
    assert buffer.text("a") == "3" and buffer.text("none", "else") == "else"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the end of the file, expected a statement"),
        ("hello", r"line 1: the end of the file, expected \( or : after hello"),
        ("a : 1;", r"line 1: an attribute, expected library \(name\) {"),
        ("library (x) {\n a : ;\n}", "line 2: ;, expected a value"),
        ("library (x) {\n\n cell (y) {", "line 3: the end of the file, expected a statement"),
        ('library (x) {\n a : "b;\n}', "line 2: a text without its second quote"),
        ("library (x, {", r"line 1: {, expected a value, or \)"),
    ],
)
def test_what_is_wrong_is_told_by_its_line(text, message) -> None:
    with pytest.raises(ValueError, match=message):
        parse(text)
