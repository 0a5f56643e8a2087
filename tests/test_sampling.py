"""Which parameter sets are drawn."""

from sampling import sampled


def test_each_key_keeps_its_part():
    keys = ["a"] * 7 + ["b"] + ["c"] * 6
    drawn = sampled(keys, 3)
    assert [sum(keys[place] == key for place in drawn) for key in "abc"] == [3, 1, 2]
    assert drawn == sorted(drawn) == sampled(keys, 3)


def test_all_of_them():
    assert sampled("abca", 1) == [0, 1, 2, 3]


def test_no_axis_is_left_out():
    """Of 40 tests with axes of 3 x 4, a fixed step of 3 would give one value of the first."""
    pairs = [(test, place) for test in range(40) for place in range(12)]
    drawn = [pairs[place][1] for place in sampled([test for test, _ in pairs], 3)]
    assert len(drawn) == 40 * 4 and {*drawn} == {*range(12)}
