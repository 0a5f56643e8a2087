"""Which batches of images a network reads."""

from collections.abc import Sequence

from .errors import BitrainError


def check_images(shape: Sequence[int], in_shape: Sequence[int]) -> None:
    """Raise :class:`BitrainError` unless ``shape`` is (images, *in_shape)."""
    image, in_shape = tuple(shape[1:]), tuple(in_shape)
    if image == in_shape:
        return
    rows_first = len(image) == 3 and (image[2], image[0], image[1]) == in_shape
    mend = "transpose(0, 3, 1, 2) brings them there" if rows_first else "give images of that shape"
    raise BitrainError(
        f"images of shape {tuple(shape)}, expected (images, {', '.join(map(str, in_shape))}) for "
        f"channels, rows and columns; {mend}"
    )
