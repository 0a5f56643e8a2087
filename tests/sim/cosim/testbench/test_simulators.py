"""What a log says went wrong."""

import pytest

from bitrain.cosim.testbench.simulators import first_error


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("building\nfile.v:3: ERROR: no net\nerror: again\n", "file.v:3: ERROR: no net"),
        ("no errors so far\n  it ended  \n\n", "it ended"),
        ("", "no output"),
        ("\n \n", "no output"),
    ],
)
def test_first_error(tmp_path, text, line):
    log = tmp_path / "build.log"
    log.write_text(text)
    assert first_error(log) == f"{line} (log: {log})"


def test_no_log(tmp_path):
    assert first_error(tmp_path / "log") == f"no output (log: {tmp_path / 'log'})"
