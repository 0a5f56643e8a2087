"""Reads the operations that torch.export recorded, one after the other."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

from bitrain.models import programs
from bitrain.spec import BitrainError, Shape

from .graph import Graph
from .operations import Gather, Input, Node, Operation, Origin, Score
from .refusals import CHANCE, RECAST, refusal

FOREIGN = (
    str(Path(torch.__file__).parent),
    programs.__file__,
    str(Path(programs.__file__).with_name("onnx")),
    "<",
)
"""Files that are not the user's: torch's, those of programs, and code that torch makes of them."""


@dataclass(frozen=True, eq=False)
class View:
    """A tensor of the model: a node's elements in some shape and order."""

    node: Node
    shape: tuple[int, ...]
    """Without the batch."""
    index: Tensor | None = None
    """Places in the flattened node, -1 for zero, of this shape; None: all in order."""


class Recorder:
    """Walks through the recorded operations in order."""

    def __init__(
        self,
        program: torch.export.ExportedProgram,
        in_shape: Sequence[int],
        batch: int,
        *,
        replace: bool = False,
        paths: Mapping[str, str] | None = None,
    ):
        self.program = program
        self.in_shape = tuple(in_shape)
        self.batch = batch
        """Images that the recorded operations read at once."""
        self.replace = replace
        self.paths = paths or {}
        """How the user calls modules, by their paths in the program, where these differ."""
        self.origins: list[Origin] = []
        self.names: Counter[str] = Counter()
        self.here = Origin("the model", "", "")
        """Of the operation that is read."""
        self.name = self.kind = ""
        self.gives_scores = self.is_gate = False
        self.taken: list[Any] = []
        """Of the results of an operation that gives several, those that are read."""
        self.last = _last(program.graph)
        """Operations between the scores and the output."""
        self.target: Any = None
        signature = program.graph_signature
        targets = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        stored = {**program.state_dict, **program.constants}
        self.constants: dict[str, Tensor] = {
            name: stored[target].detach() for name, target in targets.items()
        }

    def graph(
        self,
        readers: dict[str, Callable[..., Any]],
        batch: Tensor,
        standing_in: Callable[[Any], Any] | None = None,
    ) -> Graph:
        """The graph, with what its nodes give for a batch.

        readers: by the names of operations, of this recorder and the operation's arguments.
        standing_in: what runs in the place of an operation.
        """
        if len(inputs := self.program.graph_signature.user_inputs) != 1:
            raise BitrainError(f"the model reads {len(inputs)} inputs; it must read one image")
        if self.program.graph_signature.user_inputs_to_mutate:
            raise BitrainError(
                "the model changes its images in place (x *= …, x.add_(…)); keep them as they are "
                "(x = x * …)"
            )
        if changed := self.program.graph_signature.buffers_to_mutate.values():
            raise BitrainError(
                f"the model changes its buffers in evaluation mode ({', '.join(changed)}); change "
                "them in training alone (if self.training)"
            )
        shape = canonical(self.in_shape)
        assert shape is not None
        image = Node(Input(), [], shape, "image", value=batch.reshape(-1, *shape))
        env: dict[fx.Node, Any] = {}
        output: Any = None
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                env[node] = self.constants.get(node.name, View(image, self.in_shape))
            elif node.op == "get_attr":  # operations of one like autocast, which is refused
                env[node] = None
            elif node.op == "output":
                output = map_arg(node.args[0], env.__getitem__)
            else:
                args = map_arg(node.args, env.__getitem__)
                kwargs = map_arg(node.kwargs, env.__getitem__)
                env[node] = self._call(readers, node, args, kwargs)
        views = [x for x in output if isinstance(x, View)]
        if not views:
            raise BitrainError(
                "the model gives what does not depend on the image; return its scores"
            )
        if len(output) != 1:
            raise BitrainError(f"the model gives {len(output)} outputs; return the scores alone")
        graph = Graph(image, self.node(views[0]), self.origins)
        self._keep_values(graph, env, batch, standing_in)
        return graph

    def _call(
        self,
        readers: dict[str, Callable[..., Any]],
        node: fx.Node,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        name = operation_name(node.target)
        if name not in CHANCE and not _has_view((args, kwargs)):
            with torch.no_grad():
                return _function(node)(*args, **kwargs)
        path, line = _place(node)
        path = self.paths.get(path, path)
        if node.target is operator.getitem:
            found, place = args
            return found[place] if place < len(found) else None  # such as indices, read by nobody
        self.here, self.name = Origin(_spelt(node, name), path, line), path or node.name
        self.origins.append(self.here)
        self.kind, self.target = name, node.target
        self.gives_scores = node in self.last
        self.is_gate = any(map(self._multiplies, node.users))
        taken = (user for user in node.users if user.target is operator.getitem)
        self.taken = [user.args[1] for user in taken if user.users]
        if name not in readers:
            raise refusal(self.here, name)
        return readers[name](self, *args, **kwargs)

    def _multiplies(self, node: fx.Node) -> bool:
        """Whether an operation is a product of two activations."""
        factors = [x for x in node.all_input_nodes if x.name not in self.constants]
        return operation_name(node.target) == "mul" and len(factors) > 1

    def add(
        self, operation: Operation, *inputs: View, shape: tuple[int, ...] | None = None
    ) -> View:
        """The result of an operation of what ``inputs`` show; shape: how the model has it."""
        nodes = [self.node(view) for view in inputs]
        name = self.unique(self.name)
        try:
            node = Graph.insert(operation, nodes, name)
        except BitrainError as error:
            raise BitrainError(f"{self.here}: {error}") from error
        node.origins = [self.here]
        return View(node, tuple(node.shape) if shape is None else shape)

    def unique(self, name: str) -> str:
        """The name, with a number where it was there already."""
        self.names[name] += 1
        return name if self.names[name] == 1 else f"{name}:{self.names[name]}"

    def node(self, view: View) -> Node:
        """What a view shows, as a map."""
        shape = canonical(view.shape)
        if shape is None:
            raise self.refused(f"a tensor of {len(view.shape) + 1} dimensions")
        if view.index is None and shape == view.node.shape:
            return view.node
        index = torch.arange(view.node.shape.size) if view.index is None else view.index
        node = Node(Gather(index.reshape(shape)), [view.node], shape, f"{self.name}.order")
        node.origins = [self.here]
        return node

    def layout(self, function: Callable[..., Any], view: View, *args: Any, **kwargs: Any) -> Any:
        """What an operation that only moves elements makes of a view: one, or several."""
        size = view.node.shape.size
        index = torch.arange(size) if view.index is None else view.index
        # Of a whole batch, whose size the operation may know; 0 stands for zeros.
        first = torch.arange(self.batch).reshape(-1, *[1] * len(view.shape)) * size
        index = index.reshape(view.shape)
        moved = function(torch.where(index < 0, 0, first + index + 1), *args, **kwargs)
        several = isinstance(moved, list | tuple)
        views, mixed = [], "a batch in another dimension than the first, or its images together"
        for each in moved if several else [moved]:
            if each.dim() < 1 or len(each) != self.batch:
                raise self.refused(mixed)
            own = torch.where(each == 0, -1, each - 1)
            shown = own[0]
            if not torch.equal(
                torch.where(own[1:] < 0, -1, own[1:] % size), shown.expand_as(own[1:])
            ):
                raise self.refused(mixed)
            whole = shown.numel() == size and torch.equal(shown.flatten(), torch.arange(size))
            views.append(View(view.node, tuple(shown.shape), None if whole else shown))
        return views if several else views[0]

    def refused(self, what: str, way_out: str = RECAST) -> BitrainError:
        """That an operation here does what no accelerator can."""
        return refusal(self.here, "", what, way_out)

    def _keep_values(
        self,
        graph: Graph,
        env: dict[fx.Node, Any],
        batch: Tensor,
        standing_in: Callable[[Any], Any] | None,
    ) -> None:
        """Run the recorded operations, and keep what each node gives."""
        holders: dict[Node, fx.Node] = {}
        for recorded, view in env.items():
            if isinstance(view, View) and view.index is None:
                holders.setdefault(view.node, recorded)
        found: dict[fx.Node, list[Tensor]] = {holder: [] for holder in holders.values()}
        for images in batch.split(self.batch):
            self._run(images, found, standing_in)
        for node in graph.nodes:
            if node in holders and not isinstance(node.operation, Input | Score):
                values = torch.cat(found[holders[node]]).float()
                node.value = values.reshape(len(batch), *node.shape)

    def _run(
        self,
        images: Tensor,
        found: dict[fx.Node, list[Tensor]],
        standing_in: Callable[[Any], Any] | None,
    ) -> None:
        """Append what operations give for so many images as they read at once."""
        env: dict[fx.Node, Any] = {}
        last_use = {
            source: node for node in self.program.graph.nodes for source in node.all_input_nodes
        }
        for node in self.program.graph.nodes:
            if node.op == "placeholder":
                own = self.constants.get(node.name)
                env[node] = images.to(node.meta["val"].dtype) if own is None else own
            elif node.op == "call_function":
                args = map_arg(node.args, env.__getitem__)
                kwargs = map_arg(node.kwargs, env.__getitem__)
                function = _function(node)
                if standing_in is not None and node not in self.last:
                    function = standing_in(function)
                with torch.no_grad():
                    env[node] = function(*args, **kwargs)
            if node in found:
                found[node].append(env[node].clone())  # another may work in place on it
            for source in node.all_input_nodes:
                if last_use[source] is node:
                    env.pop(source, None)


def _function(node: fx.Node) -> Callable[..., Any]:
    assert callable(node.target)
    return node.target


def operation_name(target: Any) -> str:
    """Torch's name of an operation, in place or not."""
    name = str(target).removeprefix("aten.").partition(".")[0]
    return name.rstrip("_") if not name.startswith("_") else name


def _last(graph: fx.Graph) -> set[fx.Node]:
    """Operations of one tensor each, back from the output, that nothing else reads."""
    found: set[fx.Node] = set()
    (output,) = graph.find_nodes(op="output")
    node = output
    while len(node.all_input_nodes) == 1:
        node = node.all_input_nodes[0]
        read = [user for user in node.users if user.users or user.op == "output"]
        if len(read) > 1 or node.op != "call_function":
            break
        found.add(node)
    return found


def canonical(shape: tuple[int, ...]) -> Shape | None:
    """The map that a tensor of this shape (without the batch) is, or None."""
    match shape:
        case (size,):
            return Shape(size, 1, 1)
        case (channels, length):
            return Shape(channels, 1, length)
        case (channels, height, width):
            return Shape(channels, height, width)
    return None


def _has_view(args: Any) -> bool:
    if isinstance(args, View):
        return True
    if isinstance(args, dict):
        return any(map(_has_view, args.values()))
    return isinstance(args, list | tuple) and any(map(_has_view, args))


def _place(node: fx.Node) -> tuple[str, str]:
    """Path of the module that does an operation, and the user's line."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path = stack[-1][0] if stack else ""
    lines = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    own = [(file, line) for file, line in lines if not file.startswith(FOREIGN)]
    return path, f"{Path(own[-1][0]).name}:{own[-1][1]}" if own else ""


def _spelt(node: fx.Node, name: str) -> str:
    """How the user knows an operation: by its module's class, or by torch's name."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if stack and isinstance(kind := stack[-1][1], str) and kind.startswith(("torch.nn.", "onnx.")):
        return kind.rpartition(".")[2]
    return name.strip("_")
