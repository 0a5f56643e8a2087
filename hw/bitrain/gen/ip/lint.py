"""What linters say of the Verilog and need not: rules, and why each is waived.

``verilator --lint-only -Wall`` is silent with these waivers, and Yosys' ``check`` without any.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """A rule of Verilator that is turned off."""

    rule: str
    match: str = "*"
    """Only messages like this."""
    reason: str


INLINE = (
    Waiver(rule="WIDTH", reason="Yosys writes sums at the width of their results, and means it"),
    Waiver(rule="CASEINCOMPLETE", reason="a case overrides defaults that are assigned before it"),
    Waiver(
        rule="INITIALDLY",
        reason="the assignment that wakes always @* at time 0 must be an event in every simulator",
    ),
)
"""Turned off in the Verilog itself: tools that only include it see them too."""

WAIVERS = (
    Waiver(rule="DECLFILENAME", reason="all modules of the accelerator are in one file"),
    Waiver(
        rule="PROCASSINIT",
        reason="registers have a value at power-up beside the one that reset gives them",
    ),
    Waiver(
        rule="UNUSEDSIGNAL",
        match="Signal is not used: *",
        reason="each field of a structure is a wire too, for waves; who reads the whole does not "
        "read it",
    ),
    Waiver(
        rule="UNUSEDSIGNAL",
        match="Bits of signal are not used: '$*",
        reason="numbered wires are results at full width, of which a carry or a sign is dropped",
    ),
)
AXI_WAIVERS = (
    Waiver(
        rule="UNUSEDSIGNAL",
        match="Bits of signal are not used: 's_axis__tdata'*",
        reason="data are whole bytes, of which an activation is the low bits",
    ),
    Waiver(
        rule="UNUSEDSIGNAL",
        match="Bits of signal are not used: 'bus__a?addr'*",
        reason="registers are words: the two low bits of an address mean nothing",
    ),
)
"""Further waivers of the AXI interface."""


def waiver_file(*, axi: bool) -> str:
    """A control file for Verilator, every rule with its reason."""
    lines = [
        "`verilator_config",
        "// With this file before the Verilog, --lint-only -Wall has nothing to say.",
        "// The Verilog itself turns off:",
    ]
    lines += [f"//   {waiver.rule}: {waiver.reason}" for waiver in INLINE]
    for waiver in (*WAIVERS, *(AXI_WAIVERS if axi else ())):
        match = "" if waiver.match == "*" else f' -file "*" -match "{waiver.match}"'
        lines += ["", f"// {waiver.reason}", f"lint_off -rule {waiver.rule}{match}"]
    return "\n".join(lines) + "\n"
