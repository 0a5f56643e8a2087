"""Tables of a diagnosis and of what was tried."""

from rich.console import Console
from rich.table import Table

from bitrain.diagnose import Diagnosis, Repair
from bitrain.diagnose.layers import Gain
from bitrain.diagnose.surgery import OUTPUT

from .table import table_of


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Table, accuracies, and the worst layers in words."""
    console.print(diagnosis_table(diagnosis))
    accuracy = diagnosis.accuracy
    console.print(
        f"float is {diagnosis.reference}: {accuracy['float']:.2f} %; streams "
        f"{accuracy['streams']:.2f} %, the same numbers in exact integers "
        f"{accuracy['integers']:.2f} % of {diagnosis.images:,} held-out training images",
        soft_wrap=True,
    )
    errors = [gain.error for layer in diagnosis.layers for gain in layer.gains]
    console.print(
        f"points gained: of one layer alone; standard errors up to {max(errors):.1f}",
        soft_wrap=True,
    )
    for each in diagnosis.worst:
        helps = "; or ".join(each.helps)
        console.print(f"{each.layer}: {each.why}; what may help: {helps}", soft_wrap=True)


def print_repair(repair: Repair, console: Console) -> None:
    """What was tried, and what came of it."""
    console.print(repair_table(repair))
    for each in repair.left_out:
        console.print(f"not tried: {each}", soft_wrap=True)
    before, after = repair.test["before"], repair.test["after"]
    kept = [each.what for each in repair.tries if each.kept]
    told = f"{repair.test_images:,} test images: float {repair.float_accuracy:.2f} %; streams "
    told += f"{before['streams']:.2f} %"
    if kept:
        console.print(
            f"{told} before, {after['streams']:.2f} % after; in exact integers "
            f"{before['integers']:.2f} and {after['integers']:.2f} %",
            soft_wrap=True,
        )
        console.print(f"kept in {OUTPUT}: {', '.join(kept)}", soft_wrap=True)
    else:
        console.print(
            f"{told}, in exact integers {before['integers']:.2f} %; nothing helps: no network "
            "written",
            soft_wrap=True,
        )


def diagnosis_table(diagnosis: Diagnosis) -> Table:
    """A layer a row."""
    table = table_of(
        f"{diagnosis.network}: {diagnosis.images:,} images",
        ["layer"],
        (
            "L",
            "SNR, dB\nall streams,\nall integers,\nits own",
            "own errors, %\nstreams,\nrounding,\nsaturation",
            "%\nfull\nscale,\ndead",
            "gained\nin float,\nwith 2 L",
        ),
    )
    for layer in diagnosis.layers:
        kinds = (layer.streams, layer.rounding, layer.saturation)
        table.add_row(
            layer.name,
            str(layer.stream_length),
            "".join(f"{snr:5.1f}" for snr in (layer.snr, layer.integer_snr, layer.own_snr)),
            "".join(f"{100 * share:4.0f}" for share in kinds),
            f"{100 * layer.saturated:.1f}{100 * layer.dead:4.0f}",
            _points(layer.in_float) + _points(layer.doubled),
        )
    return table


def _points(gain: Gain | None) -> str:
    return f"{'-' if gain is None else f'{gain.points:+.1f}':>5}"


def repair_table(repair: Repair) -> Table:
    """A try a row."""
    table = table_of(
        f"tried on {repair.held_out:,} held-out images",
        ["remedy"],
        ("accuracy, %", "gained by it", "as in float", "mean L", "kept"),
    )
    table.add_row("none", f"{repair.before:.2f}", "", "", f"{repair.mean_length:.4g}", "")
    for each in repair.tries:
        table.add_row(
            each.what,
            f"{each.accuracy:.2f}",
            f"{each.gain.points:+.2f} ± {each.gain.error:.2f}",
            f"{each.gain.agreement:+.2f} ± {each.gain.agreement_error:.2f}",
            f"{each.mean_length:.4g}",
            "yes" if each.kept else "no",
        )
    return table
