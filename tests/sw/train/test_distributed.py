"""Data-parallel training against one process. This file is also what the two processes run."""

import faulthandler
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import modules
import pytest
import torch
from modules import named_model, part
from torch import nn

import bitrain
from bitrain.data import load_dataset
from bitrain.nn import ScConfig, ScModel, best_device, convert
from bitrain.spec import BitrainError, Shape
from bitrain.train import distributed
from bitrain.train.checkpoint import Checkpoint
from bitrain.train.config import FineTuneConfig, TrainConfig
from bitrain.train.finetune import finetune_converted
from bitrain.train.loop import classification, fit

# 203 images: the last batch holds 3, two for one process and one for the other.
CONFIG = TrainConfig(
    optimizer="sgd", epochs=2, images=203, batch_size=25, learning_rate=0.05, flip=True
)
LONELY = CONFIG.model_copy(update={"images": 51})
"""The last batch holds one image, and one process none."""
SC = FineTuneConfig(epochs=1, images=40, batch_size=40, distillation=0.5)
NOISY = SC.model_copy(update={"epochs": 2, "noise_epochs": 1, "batch_size": 15})
PATIENCE = 1000
"""Seconds until processes that wait for each other give up."""


def plain_model() -> nn.Sequential:
    """No batch norm; one parameter is frozen and one is never used."""
    torch.manual_seed(1)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(72, 10)),
    )
    model[3].bias.requires_grad_(False)
    model.register_parameter("unused", nn.Parameter(torch.ones(3)))
    return model


def norm_model() -> nn.Sequential:
    """Batch norm and dropout."""
    model = named_model("digits_cnn", Shape(1, 8, 8), 10)
    *blocks, last = model
    return nn.Sequential(*blocks, nn.Dropout(0.3), last)


def sc_model() -> ScModel:
    model, digits = named_model("digits_cnn", Shape(1, 8, 8), 10), load_dataset("digits")
    return convert(model, digits.in_shape, digits.train_images, ScConfig(bits=3))


def train(model: nn.Module, config: TrainConfig = CONFIG, **others: Any) -> dict[str, Any]:
    """What ``fit`` makes of the model, as it can be saved."""
    losses = fit(model, load_dataset("digits"), config, **others)
    return {"losses": losses, "state": model.state_dict()}


def fine_tune(config: FineTuneConfig) -> dict[str, Any]:
    model = sc_model()
    finetune_converted(model, load_dataset("digits"), config)
    return {"state": model.state_dict()}


def interrupt_second_epoch(epoch: int) -> None:
    if epoch == 1:
        raise KeyboardInterrupt


def train_interrupted(model: Callable[[], nn.Module], path: Path) -> None:
    try:
        train(model(), checkpoint=path, before_epoch=interrupt_second_epoch)
    except KeyboardInterrupt:
        return
    raise AssertionError("not interrupted")


# --- what each of the two processes runs ---------------------------------------------------------


def run(folder: Path) -> None:
    """Every kind of training, in two processes; each saves what it ends with."""
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    saves: list[Path] = []
    save = Checkpoint.save

    def counted(self: Checkpoint, *arguments: Any) -> None:
        saves.append(self.path)
        save(self, *arguments)

    pytest.MonkeyPatch().setattr(Checkpoint, "save", counted)
    results = {
        "plain": train(plain_model()),
        "lonely": train(plain_model(), LONELY),
        "norm": train(norm_model(), checkpoint=folder / "straight.pt"),
        "saves": len(saves),
        "sc": fine_tune(SC),
        "noisy": fine_tune(NOISY),
    }
    train_interrupted(plain_model, folder / "half.pt")
    train_interrupted(norm_model, folder / "norm.pt")
    results["resumed"] = train(norm_model(), checkpoint=folder / "norm.pt")
    model = plain_model()
    try:
        train(model, loss=infinite_in_the_second)
    except BitrainError as error:
        results["error"] = str(error)
    images = torch.zeros(1, 1, 8, 8)
    with distributed.parallel(model) as wrapped:
        wrapped(images).sum().backward()
        wrapped(images)  # whose backward pass never comes, as after divergence
    if distributed.is_main():  # no longer waits for the other's gradients
        model(images).sum().backward()
    torch.save(results, folder / f"rank{distributed.rank()}.pt")


def infinite_in_the_second(*batch: torch.Tensor) -> torch.Tensor:
    return classification(CONFIG, load_dataset("digits"))(*batch) * (
        torch.inf if distributed.rank() else 1
    )


# --- what they end with --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the two processes have left their files."""
    path = tmp_path_factory.mktemp("distributed")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    roots = [Path(root).parent for root in bitrain.__path__]
    paths = os.pathsep.join(map(str, [*roots, Path(modules.__file__).parent]))
    with subprocess.Popen(
        [*launcher, "--nproc-per-node", "2", str(Path(__file__)), str(path)],
        cwd=path,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            output = process.communicate(timeout=PATIENCE + 20)[0]
        finally:
            process.terminate()  # torchrun then ends its own
    assert process.returncode == 0 and "Warning" not in output, output
    return path


@pytest.fixture(scope="module")
def ranks(folder) -> list[dict[str, Any]]:
    """The results of both processes."""
    return [torch.load(folder / f"rank{rank}.pt") for rank in range(2)]


def assert_equal(first: dict[str, Any], second: dict[str, Any]) -> None:
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def assert_close(first: dict[str, Any], second: dict[str, Any]) -> None:
    torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "lonely", "norm", "sc", "noisy", "resumed"])
def test_processes_end_with_equal_models(ranks, name) -> None:
    assert_equal(ranks[0][name], ranks[1][name])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "config"), [("plain", CONFIG), ("lonely", LONELY)])
def test_two_processes_do_what_one_does(ranks, name, config) -> None:
    """Uneven last batches, augmentation, frozen and unused parameters included."""
    alone = train(plain_model(), config)
    assert not torch.equal(alone["state"]["0.weight"], part(plain_model(), "0", nn.Conv2d).weight)
    assert_close(ranks[0][name], alone)


@pytest.mark.slow
def test_two_processes_fine_tune_as_one_does(ranks) -> None:
    start, alone = sc_model().state_dict(), fine_tune(SC)
    assert not torch.equal(start["layers.0.weight"], alone["state"]["layers.0.weight"])
    assert_close(ranks[0]["sc"], alone)


@pytest.mark.slow
def test_first_process_writes_the_checkpoints(ranks) -> None:
    assert [rank["saves"] for rank in ranks] == [1 + CONFIG.epochs, 0]


@pytest.mark.slow
def test_two_processes_resume_to_the_same_result(ranks) -> None:
    assert_equal(ranks[0]["resumed"], ranks[0]["norm"])


@pytest.mark.slow
def test_one_process_resumes_what_two_began(folder, tmp_path, ranks) -> None:
    half = tmp_path / "half.pt"
    half.write_bytes((folder / "half.pt").read_bytes())
    assert torch.load(half)["model"].keys() == plain_model().state_dict().keys()
    resumed = train(plain_model(), checkpoint=half)
    assert resumed["losses"][0] == ranks[0]["plain"]["losses"][0]
    assert_close(resumed, ranks[0]["plain"])


@pytest.mark.slow
def test_all_processes_tell_of_divergence(ranks) -> None:
    for rank in ranks:
        assert rank["error"].startswith("training diverged in epoch 1 (loss inf); lower")


# --- in this process -----------------------------------------------------------------------------


@pytest.fixture
def as_process(monkeypatch) -> Callable[..., None]:
    """Set what torchrun sets."""

    def set_variables(rank: int, world: int) -> None:
        for name in ("RANK", "LOCAL_RANK"):
            monkeypatch.setenv(name, str(rank))
        for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
            monkeypatch.setenv(name, str(world))
        monkeypatch.setenv("MASTER_ADDR", "localhost")

    return set_variables


def test_shards_make_up_the_batch(as_process) -> None:
    for count in range(1, 8):
        taken, shares = [], []
        for rank in range(3):
            as_process(rank, 3)
            images, share = distributed.shard(count)
            mine = list(range(count))[images]
            assert len(mine) >= 1  # a backward pass in every process
            taken += mine if share else []
            shares.append(share)
        assert sorted(taken) == list(range(count)) and sum(shares) == pytest.approx(1)


def test_draws_are_the_processes_own(as_process) -> None:
    def draw(*position: int) -> torch.Tensor:
        torch.manual_seed(3)
        with distributed.own_draws(*position):
            own = torch.rand(4)
        return torch.stack([own, torch.rand(4)])

    torch.manual_seed(3)
    common = torch.rand(2, 4)
    assert torch.equal(draw(0, 0, 0), common)  # one process: one generator
    draws = []
    for rank in range(2):
        as_process(rank, 2)
        draws += [draw(0, 0, 0), draw(0, 0, 1)]
        assert torch.equal(draw(0, 0, 0), draws[-2])
    assert len({own[0, 0].item() for own in draws}) == 4
    assert all(torch.equal(own[1], common[0]) for own in draws)


def test_one_process_is_left_alone(as_process) -> None:
    as_process(0, 1)
    distributed.start()
    assert not torch.distributed.is_initialized()
    assert distributed.world_size() == 1 and distributed.is_main()
    model = plain_model()
    with distributed.parallel(model) as wrapped:
        assert wrapped is model


def test_batch_norm_is_given_back() -> None:
    model = norm_model()
    names = {name for name, part in model.named_modules() if isinstance(part, nn.BatchNorm2d)}
    parts, keys = dict(model.named_modules()), model.state_dict().keys()
    with distributed.global_batch_norm(model, enabled=True):
        assert names and all(type(model.get_submodule(name)) is nn.SyncBatchNorm for name in names)
        for name in names:
            norm = part(model, name, nn.SyncBatchNorm)
            assert norm.running_mean is not None
            norm.running_mean.fill_(7)
            norm.weight.data.fill_(8)
    assert dict(model.named_modules()) == parts and model.state_dict().keys() == keys
    for name in names:
        norm = part(model, name, nn.BatchNorm2d)
        assert norm is parts[name] and norm.running_mean is not None
        assert (norm.running_mean == 7).all() and (norm.weight == 8).all()


def test_every_process_has_a_gpu_of_its_own(as_process, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert best_device() == torch.device("cuda")
    as_process(2, 4)
    assert best_device() == torch.device("cuda", 2)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    with pytest.raises(BitrainError) as error:
        distributed.start()
    assert str(error.value) == (
        "torchrun starts 4 processes on a machine of 3 GPUs; use --nproc-per-node 3"
    )


if __name__ == "__main__":
    run(Path(sys.argv[1]))
