"""The rules of the layout: who may import whom, and what every package must have.

`IMPORTS` is the import table of docs/architecture.md. The sources are parsed, not imported, so an
import inside a function, under `if TYPE_CHECKING` or through `importlib.import_module("...")`
counts like any other. The checker is a few pure functions over a tree of files; the last part of
this module runs it on small trees that break one rule each.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
NAMESPACE = "bitrain"
ROOTS = ("hw", "sim", "sw")


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What one package may import besides itself and the standard library."""

    first_party: frozenset[str]
    """Names below `bitrain`."""
    third_party: frozenset[str]
    """Names of top-level modules."""


def _allow(first_party: str, third_party: str) -> Allowed:
    return Allowed(
        first_party=frozenset(first_party.split()), third_party=frozenset(third_party.split())
    )


_ENGINES = "spec program cost accelerator"

IMPORTS = {
    # hw
    "spec": _allow("", "numpy pydantic yaml"),
    "program": _allow("spec", "numpy pydantic"),
    "cost": _allow("spec program", "numpy"),
    "accelerator": _allow("spec program cost", ""),
    "host": _allow("spec program accelerator", "numpy"),
    "rtl": _allow("spec program accelerator host", "amaranth"),
    "gen": _allow(
        f"{_ENGINES} host rtl",
        "amaranth filelock jinja2 numpy platformdirs pydantic pygments yaml",
    ),
    "resources": _allow("spec program accelerator rtl gen", "numpy pydantic sklearn"),
    # sim; the wheel of cocotb holds its runner as the module cocotb_tools
    "golden": _allow("spec program", "numba numpy"),
    "cosim": _allow(f"{_ENGINES} host golden", "cocotb cocotb_tools cocotbext numpy"),
    "formal": _allow("spec program accelerator host rtl gen", "amaranth"),
    # sw
    "models": _allow("spec", "torch safetensors pydantic rich onnx onnxruntime google numpy"),
    "frontend": _allow("spec models", "torch"),
    "nn": _allow("spec program golden frontend", "torch numpy pydantic"),
    "profile": _allow("spec models nn", "torch"),
    "data": _allow("spec", "numpy sklearn rich PIL"),
    "train": _allow("spec program golden nn data", "torch numpy rich pydantic"),
    "export": _allow("spec golden nn", "torch numpy pydantic"),
    "convert": _allow(
        "spec golden models frontend nn data train export runner", "torch numpy pydantic"
    ),
    "runner": _allow("spec", "pydantic yaml matplotlib numpy distributed"),
    "diagnose": _allow(
        "spec golden models frontend nn data train export runner", "torch numpy pydantic rich"
    ),
    "recast": _allow(
        "spec program cost models frontend nn profile data train export runner",
        "torch numpy pydantic rich yaml",
    ),
    "nas": _allow(
        "spec program cost models nn profile data train export runner recast",
        "torch numpy pydantic rich sklearn",
    ),
    "sng": _allow("spec golden nn data", "numpy rich yaml"),
    "flow": _allow(
        "spec program cost accelerator host rtl gen golden cosim "
        "models frontend nn data train export runner diagnose",
        "numpy pydantic rich jinja2 serial",
    ),
    "studies": _allow(
        f"{_ENGINES} rtl gen resources golden nn data runner flow", "numpy pydantic rich"
    ),
    "explore": _allow(
        f"{_ENGINES} gen resources data runner studies", "jinja2 numpy optuna plotly rich"
    ),
    "__main__": _allow("cli", ""),
    "cli": _allow(
        f"{_ENGINES} host gen resources cosim formal recast nas sng flow studies explore convert "
        "diagnose "
        "nn data train",
        "typer rich",
    ),
}

# What must not even be loaded by importing a package with all its modules: a caller who has the
# hardware packages needs no torch, and the golden model stays independent of the RTL.
NOT_LOADED = {
    "spec": ("torch", "amaranth", "cocotb"),
    "program": ("torch", "amaranth", "cocotb"),
    "cost": ("torch", "amaranth", "cocotb"),
    "accelerator": ("torch", "amaranth", "cocotb"),
    "host": ("torch", "amaranth", "cocotb"),
    "rtl": ("torch", "cocotb"),
    "gen": ("torch", "cocotb"),
    "resources": ("torch", "cocotb"),
    "formal": ("torch", "cocotb"),
    "cosim": ("torch", "amaranth"),
    "data": ("torch",),
    "runner": ("torch", "amaranth"),
    "golden": ("torch", "amaranth", "cocotb", "bitrain.rtl", "bitrain.gen"),
}


WITHOUT_A_MODULE = {
    "tests/hw/gen/ip/test_package_readme.py": "what the templates say in the README",
    "tests/hw/gen/ip/test_simulation.py": "a package in Icarus, without the test bench",
    "tests/hw/rtl/test_members.py": "docstrings of all components",
    "tests/sw/frontend/test_foreign.py": "models as others write them, through all of it",
    "tests/sw/data/test_sizes.py": "what every reader takes at most",
}
"""Test files that are of no one module."""


# --- the checker -------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Part:
    """A package (a folder) or a module (a file) directly below one of the roots."""

    name: str
    path: Path

    def modules(self) -> list[Path]:
        return sorted(self.path.rglob("*.py")) if self.path.is_dir() else [self.path]


def _holds_files(folder: Path) -> bool:
    """Whether there is more than the byte code that a deleted package leaves behind."""
    return any(path.is_file() and path.parent.name != "__pycache__" for path in folder.rglob("*"))


def find_parts(repository: Path) -> list[Part]:
    """Everything directly below hw/bitrain, sim/bitrain and sw/bitrain except an __init__.py."""
    parts = []
    for root in ROOTS:
        for path in sorted((repository / root / NAMESPACE).glob("*")):
            is_package = path.is_dir() and path.name != "__pycache__" and _holds_files(path)
            is_module = path.suffix == ".py" and path.name != "__init__.py"
            if is_package or is_module:
                parts.append(Part(name=path.stem, path=path))
    return parts


def find_imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the absolute name of everything that is imported anywhere in `tree`.

    `from a.b import c` yields `a.b.c`, whether c is a module or not: the first two parts of a name
    decide. `package` is the dotted name that relative imports start from.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield node.lineno, alias.name
            case ast.ImportFrom(level=level):
                anchor = package.split(".")[: 1 - level or None] if level else []
                stem = ".".join([*anchor, *([node.module] if node.module else [])])
                for alias in node.names:
                    yield node.lineno, f"{stem}.{alias.name}"
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield node.lineno, name


def _package_of(module: Path, root: Path) -> str:
    """The dotted name of the package that the file `module` lies in."""
    return ".".join(module.relative_to(root).parent.parts)


def check_imports(repository: Path) -> list[str]:
    """Return one line for each import that the table forbids, and for each part not in it."""
    problems = []
    for part in find_parts(repository):
        where = part.path.relative_to(repository)
        allowed = IMPORTS.get(part.name)
        if allowed is None:
            problems.append(f"{where}: '{part.name}' is not in the import table")
            continue
        root = part.path.parents[1]
        for module in part.modules():
            tree = ast.parse(module.read_text(encoding="utf-8"), filename=str(module))
            for line, name in find_imports(tree, _package_of(module, root)):
                top, _, rest = name.partition(".")
                if top == NAMESPACE:
                    top = rest.partition(".")[0]
                    legal = top == part.name or top in allowed.first_party
                else:
                    legal = top in sys.stdlib_module_names or top in allowed.third_party
                if not legal:
                    where = module.relative_to(repository)
                    problems.append(f"{where}:{line}: '{part.name}' may not import '{name}'")
    return problems


def find_unused(repository: Path) -> list[str]:
    """Return one line for each entry of the table that no import needs."""
    problems = []
    for part in find_parts(repository):
        root, used = part.path.parents[1], set()
        for module in part.modules():
            tree = ast.parse(module.read_text(encoding="utf-8"), filename=str(module))
            for _, name in find_imports(tree, _package_of(module, root)):
                top, _, rest = name.partition(".")
                used.add(rest.partition(".")[0] if top == NAMESPACE else top)
        allowed = IMPORTS[part.name]
        problems += [
            f"'{part.name}' imports no '{name}'"
            for name in sorted((allowed.first_party | allowed.third_party) - used)
        ]
    return problems


def check_layout(repository: Path) -> list[str]:
    """Return one line for each breach of the rules of a namespace package with three roots."""
    problems = []
    for root in ROOTS:
        if (repository / root / NAMESPACE / "__init__.py").exists():
            problems.append(f"{root}/{NAMESPACE}/__init__.py hides the other roots")
    owners: dict[str, Part] = {}
    for part in find_parts(repository):
        where = part.path.relative_to(repository)
        if part.name in owners:
            other = owners[part.name].path.relative_to(repository)
            problems.append(f"{where}: '{part.name}' is also defined by {other}")
        owners.setdefault(part.name, part)
        folders = {part.path} if part.path.is_dir() else set()
        for module in part.modules():
            folders.update(folder for folder in module.parents if part.path in folder.parents)
            tree = ast.parse(module.read_text(encoding="utf-8"), filename=str(module))
            if not (ast.get_docstring(tree) or "").strip():
                problems.append(f"{module.relative_to(repository)}: no docstring")
        for folder in sorted(folders):
            if not (folder / "__init__.py").is_file():
                problems.append(f"{folder.relative_to(repository)}: no __init__.py")
    return problems


def check_mirror(repository: Path, exceptions: Iterable[str] = ()) -> list[str]:
    """Return one line for each test file without a module or package of its name at its place."""
    problems, unused = [], set(exceptions)
    for root in ROOTS:
        for test in sorted((repository / "tests" / root).rglob("test_*.py")):
            where = test.relative_to(repository).as_posix()
            place = test.parent.relative_to(repository / "tests" / root)
            module = repository / root / NAMESPACE / place / test.name.removeprefix("test_")
            if module.is_file() or _holds_files(module.with_suffix("")):
                continue
            if where in unused:
                unused.remove(where)
            else:
                problems.append(f"{where}: there is no {module.relative_to(repository).as_posix()}")
    return [*problems, *(f"{where}: needs no exception" for where in sorted(unused))]


def find_cycle(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the nodes of a cycle, or the empty list."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node not in done:
            for successor in sorted(graph[node]):
                if cycle := visit(successor, [*path, node]):
                    return cycle
            done.add(node)
        return []

    for node in sorted(graph):
        if cycle := visit(node, []):
            return cycle
    return []


# --- this repository ---------------------------------------------------------------------------


def test_roots_exist() -> None:
    """Without sources the other tests would pass and say nothing."""
    for root in ROOTS:
        assert (REPOSITORY / root / NAMESPACE).is_dir(), f"{root}/{NAMESPACE} is missing"


def test_imports() -> None:
    problems = check_imports(REPOSITORY)
    assert not problems, "\n" + "\n".join(problems)


def test_table_allows_no_more_than_is_used() -> None:
    assert find_unused(REPOSITORY) == []


def test_layout() -> None:
    problems = check_layout(REPOSITORY)
    assert not problems, "\n" + "\n".join(problems)


def test_tests_mirror_the_sources() -> None:
    problems = check_mirror(REPOSITORY, WITHOUT_A_MODULE)
    assert not problems, "\n" + "\n".join(problems)


def test_table_names_only_packages_of_the_table_and_has_no_cycle() -> None:
    graph = {name: allowed.first_party for name, allowed in IMPORTS.items()}
    assert set().union(*graph.values()) <= graph.keys()
    assert find_cycle(graph) == []


_LOAD = """
import importlib, sys
forbidden, modules = (argument.split() for argument in sys.argv[1:])
for module in modules:
    importlib.import_module(module)
loaded = [name for name in forbidden if name in sys.modules]
sys.exit(f"loads {', '.join(loaded)}" if loaded else 0)
"""


@pytest.mark.parametrize(
    "part",
    [part for part in find_parts(REPOSITORY) if part.name in NOT_LOADED],
    ids=lambda part: part.name,
)
def test_import_does_not_load(part: Part) -> None:
    """Import every module of a package in a fresh interpreter and look at what came with it."""
    names = []
    for path in part.modules():
        parts = path.relative_to(part.path.parents[1]).with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join(parts).removesuffix(".__init__"))
    path = os.pathsep.join(str(REPOSITORY / root) for root in ROOTS)
    result = subprocess.run(
        [sys.executable, "-c", _LOAD, " ".join(NOT_LOADED[part.name]), " ".join(names)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"importing bitrain.{part.name}: {result.stderr}"


# --- the checker itself ------------------------------------------------------------------------

_HEALTHY = {
    "hw/bitrain/spec/__init__.py": '"""Spec."""\nimport json\nimport numpy as np\n',
    "hw/bitrain/spec/cost.py": '"""Cost."""\nfrom . import layers\nfrom .layers import Layer\n',
    "hw/bitrain/spec/layers.py": '"""Layers."""\nfrom __future__ import annotations\n',
    "hw/bitrain/rtl/__init__.py": '"""RTL."""\nfrom amaranth import *\nfrom bitrain import spec\n',
    "sim/bitrain/golden/__init__.py": '"""Golden."""\nfrom bitrain.spec.cost import cycles\n',
    "sw/bitrain/nn/__init__.py": '"""Layers."""\nimport torch.nn.functional as F\n',
    "sw/bitrain/cli.py": '"""CLI."""\nimport typer\nimport bitrain.gen.synth\n',
}


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """A small tree that keeps every rule."""
    for name, text in _HEALTHY.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_checker_accepts_a_healthy_tree(healthy: Path) -> None:
    assert len(find_parts(healthy)) == 5
    assert check_imports(healthy) == []
    assert check_layout(healthy) == []


@pytest.mark.parametrize(
    ("module", "statement", "name"),
    [
        ("hw/bitrain/spec/cost.py", "import torch", "torch"),
        ("hw/bitrain/spec/cost.py", "import numpy, amaranth.sim as s", "amaranth.sim"),
        ("hw/bitrain/spec/cost.py", "def f():\n    import torch.nn", "torch.nn"),
        ("hw/bitrain/spec/cost.py", "if TYPE_CHECKING:\n    import torch", "torch"),
        ("hw/bitrain/spec/cost.py", "from ..rtl import engine", "bitrain.rtl.engine"),
        ("hw/bitrain/spec/cost.py", "from .. import rtl", "bitrain.rtl"),
        ("hw/bitrain/spec/__init__.py", "from ..golden import run", "bitrain.golden.run"),
        ("sim/bitrain/golden/__init__.py", "from bitrain import rtl", "bitrain.rtl"),
        ("sim/bitrain/golden/__init__.py", "import bitrain", "bitrain"),
        ("sim/bitrain/golden/__init__.py", "from bitrain import *", "bitrain.*"),
        ("hw/bitrain/rtl/__init__.py", "import bitrain.golden", "bitrain.golden"),
        ("sw/bitrain/nn/__init__.py", "import bitrain.cosim.driver", "bitrain.cosim.driver"),
        ("sw/bitrain/nn/__init__.py", "import bitrain.train", "bitrain.train"),
        ("sw/bitrain/cli.py", "import importlib\nimportlib.import_module('torch')", "torch"),
        ("sw/bitrain/cli.py", "__import__('torch')", "torch"),
    ],
)
def test_checker_finds_a_forbidden_import(
    healthy: Path, module: str, statement: str, name: str
) -> None:
    path = healthy / module
    path.write_text(f"{path.read_text(encoding='utf-8')}{statement}\n", encoding="utf-8")
    (problem,) = check_imports(healthy)
    assert problem.startswith(f"{module}:")
    assert problem.endswith(f"may not import '{name}'")


@pytest.mark.parametrize("name", ["hw/bitrain/misc/__init__.py", "sw/bitrain/helpers.py"])
def test_checker_finds_a_part_that_is_not_in_the_table(healthy: Path, name: str) -> None:
    path = healthy / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('"""Unknown."""\n', encoding="utf-8")
    (problem,) = check_imports(healthy)
    assert problem.endswith("is not in the import table")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("sim/bitrain/__init__.py", '"""Sim."""', "sim/bitrain/__init__.py hides the other roots"),
        ("sw/bitrain/nn/blocks.py", "x = 1", "sw/bitrain/nn/blocks.py: no docstring"),
        ("hw/bitrain/gen/ip.py", '"""IP."""', "hw/bitrain/gen: no __init__.py"),
        ("hw/bitrain/rtl/a/b/c.py", '"""C."""', "hw/bitrain/rtl/a/b: no __init__.py"),
        (
            "sim/bitrain/spec/__init__.py",
            '"""Spec."""',
            "sim/bitrain/spec: 'spec' is also defined by hw/bitrain/spec",
        ),
    ],
)
def test_checker_finds_a_breach_of_the_layout(
    healthy: Path, name: str, text: str, problem: str
) -> None:
    path = healthy / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", encoding="utf-8")
    assert problem in check_layout(healthy)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("tests/hw/spec/test_cost.py", None),
        ("tests/sim/test_golden.py", None),
        ("tests/sw/test_cli.py", None),
        ("tests/system/test_anything.py", None),
        ("tests/hw/spec/test_costs.py", "there is no hw/bitrain/spec/costs.py"),
        ("tests/sim/spec/test_cost.py", "there is no sim/bitrain/spec/cost.py"),
    ],
)
def test_checker_finds_a_test_of_nothing(healthy: Path, name: str, problem: str | None) -> None:
    (healthy / name).parent.mkdir(parents=True)
    (healthy / name).write_text("")
    assert check_mirror(healthy) == ([f"{name}: {problem}"] if problem else [])
    found = check_mirror(healthy, [name])
    assert found == ([] if problem else [f"{name}: needs no exception"])


def test_byte_code_left_behind_is_no_package(healthy: Path) -> None:
    folder = healthy / "sw/bitrain/gone/__pycache__"
    folder.mkdir(parents=True)
    (folder / "old.cpython-311.pyc").write_bytes(b"")
    assert "gone" not in {part.name for part in find_parts(healthy)}


def test_find_cycle() -> None:
    assert find_cycle({"a": ["b"], "b": ["c"], "c": []}) == []
    assert find_cycle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c"]
