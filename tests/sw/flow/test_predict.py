"""What a network says of image files."""

import numpy as np
import pytest
from networks import random_network
from PIL import Image

from bitrain import golden
from bitrain.flow.predict import predict
from bitrain.spec import BitrainError, Network, to_unipolar

GREY = random_network(1, bits=4, in_shape=(1, 8, 9), classes=3)
COLOUR = random_network(1, bits=4, in_shape=(3, 8, 9), classes=3)
RNG = np.random.default_rng(0)


def named(network: Network, **metadata: object) -> Network:
    return network.model_copy(update={"metadata": metadata})


def test_scores_are_those_of_golden(tmp_path) -> None:
    """By class, with the margin of the best two."""
    images = RNG.integers(0, 256, (3, 8, 9, 3), np.uint8)
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    found = predict(named(COLOUR, classes=["cat", "dog", "emu"]), paths)
    pixels = (images / 255).astype(np.float32).transpose(0, 3, 1, 2)
    scores = golden.predict(COLOUR, to_unipolar(pixels, 4))
    assert [each.path for each in found] == paths
    for each, row in zip(found, scores, strict=True):
        assert each.scores == dict(zip(("cat", "dog", "emu"), row.tolist(), strict=True))
        assert each.best == ("cat", "dog", "emu")[row.argmax()]
        assert each.margin == np.sort(row)[-1] - np.sort(row)[-2]


@pytest.mark.parametrize("classes", [None, ["of", "others"]])
def test_classes_without_names_are_numbers(classes, tmp_path) -> None:
    Image.fromarray(RNG.integers(0, 256, (8, 9), np.uint8)).save(tmp_path / "x.bmp")
    network = GREY if classes is None else named(GREY, classes=classes)
    assert list(predict(network, [tmp_path / "x.bmp"])[0].scores) == ["0", "1", "2"]


def test_colours_and_grey(tmp_path) -> None:
    """Grey is every colour alike; of colours a grey network reads the luma."""
    grey = RNG.integers(0, 256, (8, 9), np.uint8)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(np.stack([grey] * 3, -1)).save(tmp_path / "colour.png")
    for network in (GREY, COLOUR):
        first, second = predict(network, [tmp_path / "grey.png", tmp_path / "colour.png"])
        assert first.scores == second.scores


def test_other_sizes(tmp_path) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(RNG.integers(0, 256, (20, 30), np.uint8)).save(path)
    with pytest.raises(
        BitrainError, match=r"large\.jpg: 30 x 20 pixels, the network reads 9 x 8; "
    ):
        predict(GREY, [path])
    wanted = predict(GREY, [path], resize=True)
    assert predict(named(GREY, source={"resize": [8, 9]}), [path]) == wanted


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gone.png", "no such file"),
        ("text.txt", r"no image file; expected one of \.bmp"),
        (".", "a folder"),
    ],
)
def test_no_image(name, told, tmp_path) -> None:
    (tmp_path / "text.txt").write_text("x")
    with pytest.raises(BitrainError, match=told):
        predict(GREY, [tmp_path / name])


def test_other_channels(tmp_path) -> None:
    network = random_network(1, bits=4, in_shape=(2, 8, 9), classes=3)
    Image.fromarray(RNG.integers(0, 256, (8, 9), np.uint8)).save(tmp_path / "x.png")
    with pytest.raises(BitrainError, match="an image of 1 channels, the network reads 2"):
        predict(network, [tmp_path / "x.png"])
