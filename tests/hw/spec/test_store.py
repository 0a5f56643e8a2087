"""Network files: round trips, and a single line for whatever is wrong with a file."""

import json
import zipfile
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from networks import padded_network, random_network
from strategies import networks

from bitrain.spec import BitrainError, load_network, network_digest, save_network
from bitrain.spec.store import MAX_BYTES

NETWORK = random_network(0, bits=3, lanes=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_network(NETWORK, tmp_path / "network.npz")
    return tmp_path / "network.npz"


def refused(path: Path) -> str:
    """The message with which a file is refused: one line that begins with the path."""
    with pytest.raises(BitrainError) as error:
        load_network(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    return message


@settings(deadline=None, max_examples=40)
@given(network=networks())
def test_round_trip(tmp_path_factory, network):
    path = tmp_path_factory.mktemp("networks") / "network.npz"
    save_network(network, path)
    assert load_network(path) == network
    first = path.read_bytes()
    save_network(load_network(path), path)
    assert len(path.read_bytes()) == len(first)


def test_files_without_other_values_around_maps_are_those_of_before(tmp_path: Path):
    """No array and no key that older versions do not know."""
    save_network(random_network(0), tmp_path / "plain.npz")
    save_network(padded_network(0), tmp_path / "padded.npz")
    found = {}
    for name in ("plain", "padded"):
        with np.load(tmp_path / f"{name}.npz") as archive:
            layers = json.loads(archive["header"].tobytes())["layers"]
            pools = [layer["pool"] or {} for layer in layers]
            keys = {key for each in layers + pools for key in each}
            found[name] = set(archive.files), keys
    usual = {f"{kind}.{i}" for kind in ("weight", "bias", "upscale") for i in range(3)}
    assert found["plain"][0] == {"header", *usual}
    assert not found["plain"][1] & {"padding_after", "padding_value", "dilation"}
    assert found["padded"][0] - usual >= {"padding_value.0", "padding_value.1"}
    assert "padding_value.2" not in found["padded"][0]
    assert found["padded"][1] - found["plain"][1] == {"padding_after", "dilation"}
    assert load_network(tmp_path / "padded.npz") == padded_network(0)


def test_values_around_maps_above_one(tmp_path: Path):
    path, network = tmp_path / "network.npz", padded_network(0)
    save_network(network, path)

    def change(header, arrays):
        arrays["padding_value.0"] = np.full_like(arrays["padding_value.0"], 17)

    edit(path, change, sealed=True)
    assert "has a padding value above 2^4" in refused(path)


def test_metadata_travels(path: Path):
    metadata = {"accuracy": 0.5, "recipe": {"epochs": [1, 2]}, "note": "naïve"}
    save_network(NETWORK.model_copy(update={"metadata": metadata}), path)
    assert load_network(path).metadata == metadata


def test_missing_file_and_folder(tmp_path: Path):
    assert refused(tmp_path / "none.npz").endswith(
        "no such network file; `bitrain run` writes one, `bitrain convert` one of your own model"
    )
    assert "no such network file" in refused(tmp_path)


def test_no_archive_at_all(path: Path):
    for content in (b"", b"import sys\n", b"\x93NUMPY"):
        path.write_bytes(content)
        assert "(no .npz archive, or the end is missing); export it again" in refused(path)


def test_truncated_anywhere(path: Path):
    content = path.read_bytes()
    for length in [*range(0, len(content), 13), len(content) - 1]:
        path.write_bytes(content[:length])
        assert "not a readable network file" in refused(path)


def test_damaged_anywhere(path: Path):
    """A changed byte is noticed, or is one of those that nobody needs (time stamps and such)."""
    content = path.read_bytes()
    noticed = 0
    for position in range(0, len(content), 2):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position // 2 % 8
        path.write_bytes(bytes(damaged))
        try:
            network = load_network(path)
        except BitrainError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
            noticed += 1
        else:
            assert network == NETWORK
    assert noticed > len(content) // 4


@pytest.mark.parametrize("content", [b"", b"PK", b"no network", b"\x00" * 1000])
def test_other_files(path: Path, content):
    path.write_bytes(content)
    assert "not a readable network file" in refused(path)


def test_archive_that_would_fill_the_memory(path: Path):
    """Seen before any of it is read."""
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("more.npy", "w") as entry,
    ):
        for _ in range(1 + MAX_BYTES // (1 << 24)):
            entry.write(bytes(1 << 24))
    assert "bytes uncompressed, expected at most 536,870,912); export it again" in refused(path)


def test_path_as_text(path: Path):
    other = str(path.with_name("other.npz"))
    save_network(NETWORK, other)
    assert load_network(other) == NETWORK


def test_archive_of_something_else(path: Path):
    np.savez(path, weights=np.zeros(3))
    assert refused(path).endswith(
        "not a readable network file (an archive of something else); export it again, or make one "
        "of your model with `bitrain convert`"
    )
    np.save(path.with_suffix(".npy"), np.zeros(3))
    assert "not a readable network file" in refused(path.with_suffix(".npy"))


def edit(path: Path, change, *, sealed: bool = False) -> None:
    """Rewrite a network file with ``change(header, arrays)``, ``sealed`` with a right checksum."""
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(arrays.pop("header").tobytes())
    change(header, arrays)
    if sealed:
        del header["sha256"]
        names = sorted(arrays)
        if header["format_version"] > 4:
            kinds = [[name, arrays[name].dtype.str, arrays[name].shape] for name in names]
            digest = sha256(json.dumps([header, kinds], sort_keys=True).encode())
        else:
            digest = sha256(json.dumps(header, sort_keys=True).encode())
        for name in names:
            key = b"" if header["format_version"] > 4 else name.encode()
            digest.update(key + arrays[name].tobytes())
        header["sha256"] = digest.hexdigest()
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    buffer = BytesIO()
    np.savez_compressed(buffer, header=text, **arrays)
    path.write_bytes(buffer.getvalue())


def test_edit_that_changes_nothing_is_accepted(path: Path):
    edit(path, lambda header, arrays: None)
    assert load_network(path) == NETWORK


def test_newer_format(path: Path):
    edit(path, lambda header, arrays: header.update(format_version=6, novelty=True))
    assert refused(path).endswith(
        "network format 6, this Bitrain reads 2, 3, 4, 5; upgrade Bitrain or export the network "
        "again"
    )


def test_older_format(path: Path):
    """Version 2 had neither groups nor appended outputs."""

    def age(header, arrays):
        header["format_version"] = 2
        for layer in header["layers"]:
            del layer["groups"], layer["append"]

    edit(path, age, sealed=True)
    assert load_network(path) == NETWORK


def test_changed_weight(path: Path):
    edit(path, lambda header, arrays: np.add(arrays["weight.1"], 1, out=arrays["weight.1"]))
    assert "contents do not match their checksum" in refused(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array.reshape(array.shape[::-1]),
        lambda array: array.reshape(1, *array.shape),
        lambda array: array.astype(np.int64),
        lambda array: array.astype(np.float32),
    ],
)
@pytest.mark.parametrize("name", ["weight.0", "weight.2"])
def test_changed_shape_or_type(path: Path, name, change):
    before = dict(np.load(path))[name]
    after = change(before)
    assert (after.shape, after.dtype) != (before.shape, before.dtype)
    edit(path, lambda header, arrays: arrays.update({name: after}))
    assert "contents do not match their checksum" in refused(path)


@pytest.mark.parametrize("name", ["weight.0", "bias.2"])
def test_missing_array(path: Path, name):
    edit(path, lambda header, arrays: arrays.pop(name))
    assert "contents do not match their checksum" in refused(path)


def test_further_array(path: Path):
    edit(path, lambda header, arrays: arrays.update(other=np.zeros(1, int)))
    assert "contents do not match their checksum" in refused(path)


def test_exchanged_arrays(path: Path):
    def exchange(header, arrays):
        arrays["bias.0"], arrays["bias.1"] = arrays["bias.1"], arrays["bias.0"]

    edit(path, exchange)
    assert "contents do not match their checksum" in refused(path)


def test_wrong_checksum(path: Path):
    edit(path, lambda header, arrays: header.update(sha256="0" * 64))
    assert "contents do not match their checksum" in refused(path)


def test_pickled_objects_are_not_loaded(path: Path):
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("unpickled",)

    buffer = BytesIO()
    np.save(buffer, np.array([Bomb()], object), allow_pickle=True)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("weight.9.npy", buffer.getvalue())
    assert "not a readable network file (Object arrays cannot be loaded" in refused(path)


def test_text_instead_of_numbers(path: Path):
    edit(path, lambda header, arrays: arrays.update({"bias.0": np.array(["one", "two"])}))
    assert "contents do not match their checksum" in refused(path)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"7", b"{}", b"\xff\xfe", b"[" * 100_000]
)
def test_header_that_is_none(path: Path, text):
    with np.load(path) as archive:
        arrays = dict(archive)
    buffer = BytesIO()
    np.savez(buffer, **{**arrays, "header": np.frombuffer(text, np.uint8)})
    path.write_bytes(buffer.getvalue())
    assert "not a readable network file" in refused(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["layers"][0].update(stream_length=3), "layers.0: stream length"),
        (lambda h: h["layers"][0].update(stream_length=2**100), "expected at most 65536"),
        (
            lambda h: h["layers"][1].update(shift="many"),
            "layers.1.shift: 'many': expected a whole number",
        ),
        (lambda h: h["layers"][0].update(colour="red"), "layers.0.colour: there is no such option"),
        (lambda h: h["layers"][2].pop("kind"), "layers.2.kind: is missing"),
        (lambda h: h["layers"][2].update(relu=True), "network: layer 'linear"),
        (lambda h: h["layers"].pop(), "network: layer 'conv2d"),
        (
            lambda h: h["weight_bank"]["sequence"].update(kind="dice"),
            "network.npz: no sequence is called 'dice'; there are lfsr, ",
        ),
        (lambda h: h["activation_bank"].update(lanes=[]), "activation_bank.lanes: Tuple should"),
        (lambda h: h.pop("name"), "name: is missing"),
        (lambda h: h.pop("layers"), "header and arrays do not match"),
        (lambda h: h.update(layers=3), "header and arrays do not match"),
        (lambda h: h.update(layers=["conv"]), "header and arrays do not match"),
        (lambda h: h["layers"].append(h["layers"][0]), "header and arrays do not match"),
    ],
)
def test_edited_header(path: Path, change, message):
    edit(path, lambda header, arrays: change(header), sealed=True)
    assert message in refused(path)


def test_header_edited_by_hand(path: Path):
    edit(path, lambda header, arrays: header["layers"][0].update(shift=1))
    assert "contents do not match their checksum" in refused(path)


def test_interrupted_save_leaves_the_old_file(path: Path, monkeypatch):
    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_network(random_network(1), path)
    assert load_network(path) == NETWORK
    assert list(path.parent.iterdir()) == [path]


def test_the_digest_is_that_of_the_file(tmp_path):
    network = random_network(1)
    save_network(network, tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as archive:
        header = json.loads(archive["header"].tobytes())
    assert network_digest(network) == header["sha256"]
