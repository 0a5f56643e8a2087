"""YAML text: values as they stand, and what must not be read."""

import random

import pytest

from bitrain.spec.yaml_text import MAX_CHARACTERS, parse_yaml


def values(text: str):
    return parse_yaml(text)[0]


def test_values():
    text = "a: 1\nb: [1.5, yes, ~, x]\nc: &c {d: 0x10}\ne: *c\nf: {<<: *c, g: 2}\n"
    assert values(text) == {
        "a": 1,
        "b": [1.5, True, None, "x"],
        "c": {"d": 16},
        "e": {"d": 16},
        "f": {"d": 16, "g": 2},
    }
    assert parse_yaml("") == (None, None)


@pytest.mark.parametrize("date", ["2020-01-01", "2020-13-45", "2001-12-14t21:59:43.10-05:00"])
def test_what_looks_like_a_date_is_text(date):
    assert values(f"name: {date}") == {"name": date}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/name:os.system x", r"line 1: tag 'python/name:os\.system' is not known"),
        ("a: !own x", "line 1: tag '!own' is not known here"),
        ("a: !!binary aGk=", "line 1: tag 'binary' is not known here"),
        ("a: " + "9" * 5000, "Exceeds the limit"),
        ("[" * 45 + "]" * 45, "line 1: nested more than 40 deep"),
        ("[" * 5000, "nested more than 40 deep"),
        ("a: &a [*a]", "aliases stand for more than 20,000 values"),
        ("a: b\na: c", "a again"),
        ("? [1]\n: 2", "unhashable"),
        ("a: [", "expected the node content"),
        ("--- 1\n--- 2", "expected a single document"),
        ("a: *b", "undefined alias"),
        ("a: \x00", "special characters are not allowed"),
        (" " * (MAX_CHARACTERS + 1), "200,001 characters, expected at most 200,000"),
    ],
)
def test_refused(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_yaml(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("merge", ["[*x, *x]", "{<<: [*x, *x], q: 1}"])
def test_aliases_that_multiply(merge):
    """Ten to the nine values in some lines: refused before it is built."""
    lines = ["a0: &a0 {k: 1}"]
    for i in range(1, 31):
        lines.append(f"a{i}: &a{i} {merge.replace('x', f'a{i - 1}')}")
    with pytest.raises(ValueError, match="aliases stand for more than"):
        parse_yaml("\n".join(lines))


def test_random_texts_are_read_or_refused():
    rng = random.Random(0)
    parts = [
        "a",
        "b: ",
        "- ",
        "\n",
        "  ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&x ",
        "*x",
        "!!int ",
        "!y ",
        "|",
    ]
    parts += [
        ">",
        "'",
        '"',
        "#",
        "? ",
        "%",
        "@",
        "9e999",
        ".nan",
        "0o7",
        "1:60",
        "<<: ",
        "\t",
        "é",
        "~",
    ]
    for _ in range(500):
        text = "".join(rng.choices(parts, k=rng.randrange(1, 40)))
        try:
            parse_yaml(text)
        except ValueError as error:
            assert "\n" not in str(error)
