"""Sums of OR groups (``bitrain.spec.or_groups``), with a gradient that knows of saturation.

The forward pass is exact. For the backward pass a group of products p_k in 0 … 1 counts what the
streams of independent sources would, L (1 - Π (1 - p_k)), with the product taken as exp(-Σ p_k):
W. Romaszkan et al., *ACOUSTIC*, DATE 2020. For the weights of each sign,

    ∂A / ∂w_k = L exp(-Σ_j∈G p_j) · a_k        p_k = a_k |w_k|, numbers in 0 … 1

and alike for a_k: a group that is full of ones learns no more. With exp(0) = 1 in place of it these
are the gradients of the layer without groups.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from bitrain.golden import Streams
from bitrain.spec import OrLanes, SngBank

from .sums import BITS_AT_ONCE, Geometry, StochasticSums, unfold_windows


class OredSums(StochasticSums):
    """Sums of streams whose product bits are ORed in groups of g inputs."""

    def __init__(
        self, activation_bank: SngBank, weight_bank: SngBank, length: int, or_lanes: OrLanes
    ):
        super().__init__(activation_bank, weight_bank, length)
        self.or_lanes: OrLanes = or_lanes
        self.streams = Streams(activation_bank, weight_bank, length, or_lanes)

    def shorter(self, lost: int) -> "OredSums":
        """Of the first cycles."""
        return OredSums(*self.banks, self.length >> lost, self.or_lanes)

    def gradients(
        self,
        gradient: Tensor,
        activations: Tensor,
        weight: Tensor,
        geometry: Geometry,
        needed: tuple[bool, bool],
    ) -> tuple[Tensor | None, Tensor]:
        """Gradients of activations, where needed, and of weights: those of saturating groups."""
        stride, padding, dilation, groups, _ = geometry
        one = 2.0**self.bits
        windows, _ = unfold_windows(activations / one, weight, geometry)
        rows = windows.transpose(0, 1).flatten(1).unflatten(0, (groups, -1))  # (…, K, positions)
        kernels = (weight / one).flatten(1).unflatten(0, (groups, -1))  # (…, out, K)
        wanted = gradient.transpose(0, 1).flatten(1).unflatten(0, (groups, -1)) * self.length
        found = [self._gradients(*parts) for parts in zip(wanted, rows, kernels, strict=True)]
        for_rows, for_weight = (torch.cat(parts) for parts in zip(*found, strict=True))
        for_weight = for_weight.reshape(weight.shape) / one
        if not needed[0]:
            return None, for_weight
        for_windows = for_rows.unflatten(1, (len(activations), -1)).transpose(0, 1) / one
        sides = activations.shape[2:], weight.shape[2:], dilation, padding, stride
        return F.fold(for_windows, *sides), for_weight

    def _gradients(self, wanted: Tensor, rows: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of inputs (K, positions) and weights (out, K), from (out, positions)."""
        for_rows, for_matrix = torch.zeros_like(rows), torch.zeros_like(matrix)
        for first in range(0, len(rows), self.or_lanes):
            group = slice(first, first + self.or_lanes)
            inputs, weights = rows[group], matrix[:, group]
            for signed in weights >= 0, weights < 0:
                part = weights * signed
                free = wanted * torch.exp(-(part.abs() @ inputs))
                for_rows[group] += part.T @ free
                for_matrix[:, group] += (free @ inputs.T) * signed
        return for_rows, for_matrix

    def _product(self, rows: Tensor, matrix: Tensor, lanes: Tensor) -> Tensor:
        at_once = max(1, BITS_AT_ONCE // (self.length * len(matrix)))
        return torch.cat([self._ored(part, matrix) for part in rows.split(at_once)])

    def _ored(self, rows: Tensor, matrix: Tensor) -> Tensor:
        """A group is a matrix product for each cycle; of a sum of bits, only whether it is 0."""
        activation_bank, weight_bank = self.banks
        sums = torch.zeros(len(rows), len(matrix), device=rows.device)
        for first in range(0, rows.shape[1], self.or_lanes):
            k = torch.arange(first, min(first + self.or_lanes, rows.shape[1]), device=rows.device)
            lanes, weights = k % len(self.weight_selects), matrix[:, k]
            x = activation_bank.bits(self.activation_selects[lanes], rows[:, k, None])
            w = weight_bank.bits(self.weight_selects[lanes], weights.abs()[..., None])
            for sign in 1, -1:
                signed = w & (weights.sign() == sign)[..., None]
                ones = torch.bmm(x.permute(2, 0, 1).float(), signed.permute(2, 1, 0).float())
                sums += sign * ones.clamp(max=1).sum(0)
        return sums.to(torch.int32)
