"""Build and simulate the accelerator of this IP package: ``python tb/run.py --help``.

Needs cocotb 2.1, numpy and either Verilator (``verilator.py`` says which) or Icarus Verilog.
Everything is written below the output folder; ``results.json`` appears there once all scenarios
have run. The exit status is 0 if everything is as expected, 1 if not, 2 if the simulation could
not be run.
"""

import argparse
import importlib
import sys
from pathlib import Path

TB = Path(__file__).resolve().parent


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Simulate the accelerator of this IP package.")
    add = parser.add_argument
    add("--simulator", choices=("verilator", "icarus"), default="verilator", help="(verilator)")
    add("--images", type=int, metavar="K", help="run the first K images of vectors/ (all)")
    add("--seed", type=int, default=0, metavar="S", help="of pauses and reset (0)")
    add("--ladder", metavar="L=M,…", help="early termination: all images, with these margins")
    add("--waves", action="store_true", help="record all signals, which makes it much slower")
    add("--out", type=Path, metavar="DIR", help="output folder (sim_build/SIMULATOR)")
    args = parser.parse_args()
    out = (args.out or TB.parent / "sim_build" / args.simulator).resolve()
    sys.path[0] = str(TB.parent)  # this folder is a package, for the simulator's Python too
    simulation = importlib.import_module(f"{TB.name}.simulation")
    try:
        results = simulation.run(
            args.simulator,
            images=args.images,
            seed=args.seed,
            waves=args.waves,
            out=out,
            ladder=args.ladder,
        )
    except (simulation.RunError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{results['simulator_version']}; images: {results['images']}; log: {results['log']}")
    if args.waves:
        print(f"waves: {results['waves']}")
    passed = True
    for name, found in results["scenarios"].items():
        print(
            f"{name}: {found['values_compared']} values compared, {found['mismatches']} mismatches,"
            f" {found['clock_cycles']} clock cycles in {found['seconds']:.1f} s"
        )
        for problem in found["problems"]:
            print(f"  {problem}")
            passed = False
    print("passed" if passed else "FAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
