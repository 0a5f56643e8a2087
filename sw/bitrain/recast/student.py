"""The student: a copy of the teacher in which one block after the other is replaced.

J. Yu et al., *Network Recasting: A Universal Method for Network Architecture Transformation*,
arXiv:1809.05262. A new block may give another number of channels than the old one; the block after
it is then built anew, with the output width that it had, so that what it gives can be compared with
what the teacher gives there.
"""

from collections.abc import Mapping, Sequence

from torch import nn

from bitrain.models import Block, BlockSpec, copy_model, seeded
from bitrain.spec import BitrainError, Shape

from .plan import Rule


class Student:
    """Blocks by the teacher's numbers; None where one was removed.

    rules: what is going to be replaced. A block of no known kind that no longer fits what it reads
    then takes the kind that it is to have at once.
    """

    def __init__(
        self, teacher: nn.Sequential, in_shape: Shape, rules: Mapping[int, Rule] | None = None
    ):
        self.in_shape = Shape(*in_shape)
        self.rules = rules or {}
        self.blocks: list[Block | None] = [copy_model(block) for block in blocks_of(teacher)]

    def model(self, last: int | None = None) -> nn.Sequential:
        """All blocks, or those up to number ``last``; they are shared, not copied."""
        end = len(self.blocks) if last is None else last + 1
        return nn.Sequential(*(block for block in self.blocks[:end] if block is not None))

    def hybrid(self, teacher: nn.Sequential, last: int) -> nn.Sequential:
        """The student up to block ``last`` and the teacher from there on."""
        return nn.Sequential(*self.model(last), *blocks_of(teacher)[last + 1 :])

    def shape_before(self, index: int) -> Shape:
        """What block ``index`` reads."""
        shape = self.in_shape
        for block in self.blocks[:index]:
            shape = block.out_shape(shape) if block is not None else shape
        return shape

    def replace(self, index: int, rule: Rule, seed: int) -> list[int]:
        """Put in what ``rule`` says at ``index``; returns the numbers of the blocks that are new.

        New weights are drawn from ``seed``; tensors of the old block whose names and shapes fit
        are inherited. Raises :class:`BitrainError` where the blocks do not fit together.
        """
        old, new = self._block(index), []
        with seeded((seed << 16) + index):
            if rule.remove:
                new += self._remove(index, old.spec)
            else:
                target = rule.target(index, old.spec)
                self._check(index, target)
                self.blocks[index] = self._build(index, target, old)
                new.append(index)
            following = index + 1
            if following < len(self.blocks):
                after = self._block(following)
                # It may no longer fit what it reads.
                if after.spec.reading(self.shape_before(following)) != after.spec:
                    spec = self._described(following, after.spec)
                    self.blocks[following] = self._build(following, spec, after)
                    new.append(following)
        if not self._ends_alike(index, old.spec.out_channels):
            raise BitrainError(
                f"block {index}: the network does not give the teacher's scores any more; "
                "keep the width and the kind of its last block"
            )
        try:
            self.shape_before(len(self.blocks))
        except BitrainError as error:
            raise BitrainError(
                f"block {index}: another size of the map, and a later block cannot read it "
                f"({error}); keep the stride, or make up for it in the next block"
            ) from error
        return new

    def _block(self, index: int) -> Block:
        """Block ``index``, which is there."""
        block = self.blocks[index]
        assert block is not None
        return block

    def _remove(self, index: int, old: BlockSpec) -> list[int]:
        if index + 1 == len(self.blocks):
            raise BitrainError(f"block {index} gives the scores; it cannot be removed")
        self.blocks[index] = None
        after = self._block(index + 1)
        if old.stride > 1 and after.spec.kind != "linear":
            stride = old.stride * after.spec.stride
            downsample = after.spec.downsample if after.spec.stride > 1 else old.downsample
            spec = after.spec.model_copy(update={"stride": stride, "downsample": downsample})
            self.blocks[index + 1] = self._build(index + 1, spec, after)
            return [index + 1]
        return []

    def _described(self, index: int, spec: BlockSpec) -> BlockSpec:
        rule = self.rules.get(index)
        if spec.kind != "other" or rule is None or rule.remove:
            return spec
        return rule.model_copy(update={"width": 1.0}).target(index, spec)  # narrower in its turn

    def _check(self, index: int, target: BlockSpec) -> None:
        shape = self.shape_before(index)
        if target.kind != "linear" and shape[1:] == (1, 1):
            before = [i for i, block in enumerate(self.blocks[:index]) if block is not None]
            block = self.blocks[before[-1]] if before else None
            if block is not None and block.spec.kind == "linear":
                raise BitrainError(
                    f"block {index}: a {target.kind} block cannot read the vector of block "
                    f"{before[-1]}; use to: linear"
                )
        last = index + 1 == len(self.blocks)
        after = None if last else self.blocks[index + 1]
        if target.kind == "linear" and after is not None and after.spec.kind != "linear":
            raise BitrainError(
                f"block {index}: a linear block gives a vector, and block {index + 1} "
                f"({after.spec.kind}) reads a map; use another kind"
            )

    def _build(self, index: int, spec: BlockSpec, old: Block) -> Block:
        spec = spec.reading(self.shape_before(index))
        if spec.kind == "other":
            raise BitrainError(
                f"block {index} is of no kind that can be built for {spec.in_channels} input "
                "channels; replace it too, or keep the width of the block before it"
            )
        if spec.kind == old.spec.kind == "linear" and index + 1 == len(self.blocks):
            spec = spec.model_copy(update={"relu": False})
        block = Block(spec)
        inherit(block, old)
        return block

    def _ends_alike(self, index: int, num_scores: int) -> bool:
        if index + 1 < len(self.blocks):
            return True
        spec = self._block(index).spec
        return spec.kind == "linear" and not spec.relu and spec.out_channels == num_scores


def untrained(model: nn.Sequential, seed: int) -> nn.Sequential:
    """The same blocks with weights drawn from ``seed``."""
    with seeded(seed):
        return nn.Sequential(*(Block(spec) for spec in specs_of(model)))


def inherit(new: nn.Module, old: nn.Module) -> None:
    """Copy the tensors of ``old`` whose names and shapes ``new`` has as well."""
    known = old.state_dict()
    fitting = {
        name: known[name]
        for name, tensor in new.state_dict().items()
        if name in known and known[name].shape == tensor.shape
    }
    new.load_state_dict(fitting, strict=False)


def blocks_of(model: nn.Sequential) -> list[Block]:
    """The blocks of a model that has nothing else."""
    blocks = [block for block in model if isinstance(block, Block)]
    assert len(blocks) == len(model), "parse_blocks makes such a model"
    return blocks


def specs_of(model: nn.Sequential) -> Sequence[BlockSpec]:
    """What the blocks are."""
    return [block.spec for block in blocks_of(model)]
