"""Programs of YoWASP, which are WebAssembly: what they see of the disk, and their first run."""

import logging
import os
import subprocess
from importlib import metadata
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_dir

from bitrain.spec import BitrainError

logger = logging.getLogger(__name__)


def mounted_folders(cwd: Path) -> dict[str, str]:
    """The folders that a YoWASP tool sees: ``.``, ``..`` and ``../..``.

    By default it sees as many as the path is deep, which moves what it keeps in memory, and with
    that the order in which ABC and nextpnr meet things: the same Verilog would take a few more or
    fewer LUTs elsewhere. A path with a colon cannot be told to it.
    """
    folders = {"/": cwd, "/..": cwd.parent, "/../..": cwd.parent.parent}
    folders = {name: folder.resolve() for name, folder in folders.items()}
    if any(":" in str(folder) for folder in folders.values()):
        return {}
    return {"YOWASP_MOUNT": ":".join(f"{name}={folder}" for name, folder in folders.items())}


def prepare_once(program: str, package: str) -> None:
    """Let a program of a YoWASP package compile itself, if these versions have not yet done so.

    One process does it while the others wait. YoWASP would let each do it, and the last to end
    overwrite the file that the first ones run from, which kills them. Raises
    :class:`BitrainError` if the cache cannot be written.
    """
    cache = Path(os.environ.get("YOWASP_CACHE_DIR") or user_cache_dir("YoWASP", appauthor=False))
    name = Path(program).name
    versions = "-".join(metadata.version(each) for each in (package, "wasmtime"))
    prepared = cache / f"{name}-{versions}.prepared"
    if prepared.exists():
        return
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(prepared.with_suffix(".lock")):
            if prepared.exists():
                return
            logger.warning("first run of %s: it prepares itself for half a minute", name)
            done = subprocess.run([program, "--version"], capture_output=True, check=False)
            if done.returncode >= 0:  # it was not killed
                prepared.touch()
    except OSError as error:
        raise BitrainError(
            f"{cache}: {error.strerror}; {name} keeps itself there: let YOWASP_CACHE_DIR be a "
            "folder that can be written"
        ) from error
