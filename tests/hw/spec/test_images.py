"""Batches of images that a network reads."""

import pytest

from bitrain.spec import BitrainError, Shape, check_images

RGB = Shape(3, 4, 5)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_number_of_images(count) -> None:
    check_images((count, *RGB), RGB)


@pytest.mark.parametrize(
    ("shape", "mend"),
    [
        ((2, 4, 5, 3), r"transpose\(0, 3, 1, 2\) brings them there"),
        ((2, 3, 5, 4), "give images of that shape"),
        ((3, 4, 5), "give images of that shape"),
        ((2, 60), "give images of that shape"),
        ((), "give images of that shape"),
    ],
)
def test_other_shapes(shape, mend) -> None:
    with pytest.raises(BitrainError, match=rf"expected \(images, 3, 4, 5\) .*; {mend}$"):
        check_images(shape, RGB)
