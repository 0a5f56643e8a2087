"""A small library of standard cells, with numbers that are easy to check."""

from pathlib import Path

TABLE = 'index_1 ("0.01, 0.02"); index_2 ("0.1, 0.2"); values ("{0}, {1}", "{2}, {3}");'
GATE = """
  cell ({name}) {{
    area : {area};
    cell_leakage_power : {leakage};
    {inputs}
    pin (Y) {{
      direction : output;
      function : "{function}";
      {arcs}
    }}
  }}
"""
INPUT = "pin ({pin}) {{ direction : input; capacitance : {capacitance}; }}"
ARC = """
      timing () {{
        related_pin : "{pin}";
        timing_sense : {sense};
        cell_rise (two) {{ {rise} }}
        cell_fall (two) {{ {fall} }}
        rise_transition (two) {{ {slew} }}
        fall_transition (two) {{ {slew} }}
      }}
      internal_power () {{
        related_pin : "{pin}";
        rise_power (energy) {{ {energy} }}
        fall_power (energy) {{ {energy} }}
      }}
"""
HEADER = """
/* a comment { with a brace */
library (small) {
  time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1nW";
  capacitive_load_unit (1, pf);
  nom_voltage : 1.0;
  lu_table_template (two) {
    variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("1, 2"); index_2 ("1, 2");
  }
  lu_table_template (setup) { variable_1 : related_pin_transition;
    variable_2 : constrained_pin_transition; index_1 ("1, 2"); index_2 ("1, 2"); }
  power_lut_template (energy) {
    variable_1 : total_output_net_capacitance; variable_2 : input_transition_time;
    index_1 ("1, 2"); index_2 ("1, 2");
  }
"""
FLIP_FLOP = """
  cell (DFF) {
    area : 8.0; cell_leakage_power : 5;
    ff (IQ, IQN) { next_state : "D"; clocked_on : "C"; }
    pin (D) { direction : input; capacitance : 0.002;
      timing () { related_pin : "C"; timing_type : setup_rising;
        rise_constraint (setup) { index_1 ("0.06, 0.6"); index_2 ("0.1, 0.2");
          values ("0.05, 0.05", "0.05, 0.05"); }
        fall_constraint (setup) { index_1 ("0.06, 0.6"); index_2 ("0.1, 0.2");
          values ("0.05, 0.05", "0.05, 0.05"); } } }
    pin (C) { direction : input; clock : true; capacitance : 0.003; }
    pin (Q) { direction : output; function : "IQ";
      timing () { related_pin : "C"; timing_type : rising_edge; timing_sense : non_unate;
        cell_rise (two) { index_1 ("0.01, 0.02"); index_2 ("0.1, 0.2");
          values ("0.2, 0.2", "0.2, 0.2"); }
        cell_fall (two) { index_1 ("0.01, 0.02"); index_2 ("0.1, 0.2");
          values ("0.2, 0.2", "0.2, 0.2"); }
        rise_transition (two) { index_1 ("0.01, 0.02"); index_2 ("0.1, 0.2");
          values ("0.1, 0.1", "0.1, 0.1"); }
        fall_transition (two) { index_1 ("0.01, 0.02"); index_2 ("0.1, 0.2");
          values ("0.1, 0.1", "0.1, 0.1"); } } }
  }
"""


def _gate(name: str, function: str, pins: str, area: float, sense: str) -> str:
    arcs = "".join(
        ARC.format(
            pin=pin,
            sense=sense,
            rise=TABLE.format(0.1, 0.1, 0.2, 0.2),
            fall=TABLE.format(0.3, 0.3, 0.4, 0.4),
            slew=TABLE.format(0.1, 0.1, 0.1, 0.1),
            energy=TABLE.format(0.01, 0.01, 0.01, 0.01),
        )
        for pin in pins
    )
    inputs = "\n".join(INPUT.format(pin=pin, capacitance=0.01) for pin in pins)
    return GATE.format(name=name, area=area, leakage=2, inputs=inputs, function=function, arcs=arcs)


SMALL = (
    HEADER
    + _gate("INV", "(!A)", "A", 1.0, "negative_unate")
    + _gate("BUF", "A", "A", 1.5, "positive_unate")
    + _gate("NAND2", "(!(A B))", "AB", 2.0, "negative_unate")
    + _gate("NOR2", "(!(A+B))", "AB", 2.0, "negative_unate")
    + _gate("XOR2", "(A^B)", "AB", 4.0, "non_unate")
    + FLIP_FLOP
    + "}\n"
)


def small_library(folder: Path) -> Path:
    """The file."""
    path = folder / "small.lib"
    path.write_text(SMALL, encoding="utf-8")
    return path
