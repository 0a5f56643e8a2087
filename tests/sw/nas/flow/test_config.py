"""Coarse cells that are given, by name or in a file."""

import pytest

from bitrain.nas.flow.config import given_genotype
from bitrain.nas.genotype import KNOWN
from bitrain.spec import BitrainError


def test_by_name_or_from_a_file(tmp_path):
    path = tmp_path / "cells.json"
    path.write_text(KNOWN["darts_v2"].model_dump_json())
    assert given_genotype("darts_v2") == given_genotype(str(path)) == KNOWN["darts_v2"]


@pytest.mark.parametrize("text", [None, "{}", "cells"])
def test_no_genotype(tmp_path, text):
    path = tmp_path / "cells.json"
    if text is not None:
        path.write_text(text)
    message = r"cells.json: not one of \['.*'\] and not a readable file of one \("
    with pytest.raises(BitrainError, match=message):
        given_genotype(str(path))
