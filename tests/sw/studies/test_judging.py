"""Judging: accuracies and mean costs by seed, kept in a folder until something else is judged."""

import numpy as np
import pytest

from bitrain.runner.workspace import Workspace
from bitrain.studies.contenders import Contender, find_contenders
from bitrain.studies.judging import Judged, judge


@pytest.fixture(scope="module")
def exits(study) -> Contender:
    return find_contenders([study], ["stochastic"])[-1]


def test_right_images_and_places_are_the_contenders(exits, study_images, tmp_path):
    found = judge(Workspace(tmp_path), exits, study_images)
    for seed, (ladder, outcome) in enumerate(exits.judge(study_images)):
        assert found.ladders[seed] == list(ladder)
        assert (found.right[seed] == outcome.right).all()
        assert (found.places[seed] == outcome.places).all()
    assert found.accuracies == pytest.approx((100 * found.right.mean(1)).tolist())


def test_what_is_judged_is_kept(exits, study_images, tmp_path, monkeypatch):
    before = judge(Workspace(tmp_path), exits, study_images)
    monkeypatch.setattr(Contender, "judge", None)
    after = judge(Workspace(tmp_path), exits, study_images)
    assert (after.right == before.right).all() and (after.places == before.places).all()


def test_a_mean_counts_every_run_and_is_the_median_of_the_seeds():
    judged = Judged(
        right=np.ones((3, 4), bool),
        places=np.array([[0, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1]]),
        ladders=[[4, 8], [4, 16], [4, 8]],
    )
    assert judged.mean({4: 10, 8: 100, 16: 40}) == pytest.approx((10 * 4 + 40) / 4)
