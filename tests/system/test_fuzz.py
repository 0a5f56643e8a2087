"""Spoilt files: each is refused in one line, or read; and a judge that notices."""

import random

import fuzz
import pytest

from bitrain.spec import BitrainError


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzz.KINDS)
def test_spoilt_files(name, tmp_path):
    found = fuzz.run(name, 200, tmp_path)
    assert found["wrong"] == 0 and found["refused"] > 0


@pytest.mark.parametrize("number", range(20))
def test_what_is_spoilt_is_so_again(number):
    content = b"name: x\nseed: 3\n"
    first = fuzz.spoil(content, random.Random(number))
    assert first == fuzz.spoil(content, random.Random(number))


def test_verdicts(tmp_path):
    def refuse(path):
        raise BitrainError("no")

    def crash(path):
        raise KeyError("x")

    def judge(read, **options):
        kind = fuzz.Kind(lambda folder: folder, read, **options)
        return fuzz.judge(kind, tmp_path, 1, changed=True)

    assert judge(refuse) == "refused"
    assert judge(lambda path: 2) == "read"
    assert judge(lambda path: 1, sealed=True) == "read"
    assert judge(lambda path: 2, sealed=True) == "was changed, and read"
    assert "KeyError" in judge(crash)
