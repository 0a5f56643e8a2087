"""Networks made of plans: the float model converted in another way, or the file's own numbers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bitrain import golden
from bitrain.data import Dataset, evenly_spaced
from bitrain.export import CHECK_IMAGES, export_network
from bitrain.frontend import FloatLayer
from bitrain.nn import ScConfig, calibrated, calibration_batch, torch_threads
from bitrain.nn.equalise import equalised
from bitrain.runner.workspace import Workspace
from bitrain.spec import (
    Network,
    content_digest,
    lengthened,
    load_network,
    network_digest,
    save_network,
    to_unipolar,
)
from bitrain.train.config import FineTuneConfig
from bitrain.train.finetune import finetune_converted

from .floats import is_tuned
from .layers import BATCH, Gain, gain_of
from .offsets import with_offsets
from .reals import fitted, real_chain, walk_float

CALIBRATION_IMAGES = 128
"""Training images for offsets."""
OUTPUT = "fixed.npz"
"""The network with what was kept."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, and what there is to mend it with."""

    network: Network
    dataset: Dataset
    """Its test part are images held out; its training part calibrates and tunes."""
    test: tuple[np.ndarray, np.ndarray]
    """Other images in [0, 1] and their classes, which say what came of it."""
    chain: Sequence[FloatLayer] | None = None
    """Layers of the float model."""
    config: ScConfig | None = None
    """How they were converted."""
    tuning: FineTuneConfig | None = None
    """Training that may be done."""

    @property
    def reconverts(self) -> bool:
        """Whether the float model can be converted in another way, and nothing is lost by that."""
        keeps = self.network.exits or (is_tuned(self.network) and self.tuning is None)
        return self.chain is not None and self.config is not None and not keeps


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a network is made."""

    config: ScConfig | None = None
    """To convert the float model again; None: the network as it is."""
    equal: float = 0.0
    """Exponent of the ranges of channels that are made equal (``bitrain.nn.equalise``)."""
    longer: tuple[str, ...] = ()
    """Layers with streams of twice the length."""
    offsets: bool = False
    """Mean errors of channels go into the biases."""
    tuned: bool = False
    """Training in the accelerator's arithmetic comes last."""

    def to_json(self) -> dict[str, Any]:
        """All that it says."""
        config = None if self.config is None else self.config.model_dump(mode="json")
        return asdict(self) | {"config": config}


class Surgery:
    """Makes networks, and tells the classes of the held-out images; what is done is kept."""

    def __init__(self, case: Case, folder: Path):
        self.case = case
        weights = {f"weight.{i}": each.weight.numpy() for i, each in enumerate(case.chain or ())}
        known = [case.dataset.digest, network_digest(case.network)]
        self.workspace = Workspace(folder, fingerprint=content_digest(known, weights))
        self.floats = self.float_classes(case.dataset.test_images)

    @torch.no_grad()
    def float_classes(self, images: np.ndarray) -> np.ndarray:
        """Of images in [0, 1], by the float model or by the network's own numbers."""
        chain = list(self.case.chain) if self.case.chain else real_chain(self.case.network).chain
        batches = torch.from_numpy(images).split(BATCH)
        found = [walk_float(chain, batch)[-1].flatten(1).argmax(1) for batch in batches]
        return torch.cat(found).numpy()

    def accuracy(self, classes: np.ndarray) -> float:
        """Per cent of the held-out images."""
        return 100 * float((classes == self.case.dataset.test_labels).mean())

    def gain(self, before: np.ndarray, after: np.ndarray) -> Gain:
        """Of classes of the held-out images."""
        return gain_of(before, after, self.case.dataset.test_labels, self.floats)

    def mean_length(self, plan: Plan) -> float:
        """Cycles of a product on average: Σ MACs · L / Σ MACs."""
        lengths, network = self._lengths(plan), self.case.network
        return sum(layer.macs * lengths[layer.name] for layer in network.layers) / network.macs

    def measure(self, name: str, plan: Plan) -> np.ndarray:
        """Classes of the held-out images: (images,), integers."""
        tuning = self.case.tuning.model_dump(mode="json") if self.case.tuning else None
        inputs = [plan.to_json(), tuning if plan.tuned else None]
        before, output = self.workspace.fingerprint, f"tries/{name}.npz"

        def compute() -> list[int]:
            network = self._built(plan)
            path = self.workspace.path(output)
            path.parent.mkdir(parents=True, exist_ok=True)
            save_network(network, path)
            images = to_unipolar(self.case.dataset.test_images, network.bits)
            with torch_threads():
                return golden.predict(network, images).argmax(1).tolist()

        self.workspace.step(name, inputs, compute, [output])
        self.workspace.fingerprint = before  # what was tried before does not change it
        return np.array(self.workspace.results[name])

    def built(self, name: str) -> Network:
        """The network that was measured under this name."""
        return load_network(self.workspace.path("tries", f"{name}.npz"))

    def keep(self, network: Network | None, plan: Plan) -> None:
        """Write what came of it; what an earlier run kept moves away, if that is another."""
        before, path = self.workspace.fingerprint, self.workspace.path(OUTPUT)

        def write() -> None:
            if network is not None:
                save_network(network, path)

        inputs = None if network is None else [plan.to_json(), network_digest(network)]
        self.workspace.step("kept", inputs, write, [] if network is None else [OUTPUT])
        self.workspace.fingerprint = before

    def _lengths(self, plan: Plan) -> dict[str, int]:
        """L of each layer."""
        lengths = {layer.name: layer.stream_length for layer in self.case.network.layers}
        if plan.config is not None:
            lengths = dict(zip(lengths, plan.config.lengths_of([*lengths]), strict=True))
        return {name: length << (name in plan.longer) for name, length in lengths.items()}

    def _built(self, plan: Plan) -> Network:
        network, lengths = self.case.network, self._lengths(plan)
        if plan.config is not None:
            network = self._converted(plan, plan.config)
        elif plan.longer:
            layers = tuple(lengthened(layer, lengths[layer.name]) for layer in network.layers)
            network = Network.model_validate(dict(network) | {"layers": layers})
        if not plan.offsets or plan.tuned:  # training has learnt with the errors as they are
            return network
        images = evenly_spaced(self.case.dataset.train_images, CALIBRATION_IMAGES)
        integers, chain = to_unipolar(images, network.bits), self.case.chain
        if chain is None or is_tuned(network):
            return with_offsets(network, real_chain(network), integers)
        return with_offsets(network, fitted(network, list(chain), integers), integers)

    def _converted(self, plan: Plan, config: ScConfig) -> Network:
        """The float model, as the plan says."""
        given, dataset = self.case.network, self.case.dataset
        assert self.case.chain is not None
        longer = {name: self._lengths(plan)[name] for name in plan.longer}
        config = config.model_copy(update={"layer_lengths": {**config.layer_lengths, **longer}})
        count, recipe = config.calibration_images, dict(given.metadata.get("recipe", {}))
        images = calibration_batch(dataset.train_images, given.in_shape, count)
        with torch_threads():
            chain = list(self.case.chain)
            model = calibrated(
                equalised(chain, images, plan.equal) if plan.equal else chain, images, config
            )
        recipe |= {"sc": config.model_dump(mode="json")}
        if plan.equal:
            recipe["equal"] = plan.equal
        recipe.pop("finetune", None)
        if plan.tuned and (tuning := self.case.tuning):
            path = self.workspace.path("checkpoints", f"finetune-{self.workspace.key}.pt")
            path.parent.mkdir(parents=True, exist_ok=True)
            finetune_converted(model, dataset, tuning, checkpoint=path, progress=True)
            recipe["finetune"] = tuning.model_dump(mode="json")
        checked = evenly_spaced(dataset.train_images, CHECK_IMAGES)
        return export_network(model, given.name, checked, {**given.metadata, "recipe": recipe})
