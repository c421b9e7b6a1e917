"""A hand-made Liberty library, with numbers that tests can add up in the head, and an SRAM macro."""

CELLS = """
/* a comment */
library (mini) {
  time_unit : "1ns"; capacitive_load_unit (1, pf); leakage_power_unit : "1nW"; nom_voltage : 2;
  default_wire_load : "short"
  wire_load ("short") { capacitance : 0.001; fanout_length (1, 10); fanout_length (3, 30); }
  wire_load ("long") { capacitance : 1; fanout_length (1, 1000); }
  lu_table_template (delay) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("0.0, 1.0"); index_2 ("0.0, 0.1");
  }
  lu_table_template (setup) {
    variable_1 : constrained_pin_transition; variable_2 : related_pin_transition;
    index_1 ("0.0, 1.0"); index_2 ("0.0, 1.0");
  }
  cell (INV) {
    area : 2; cell_leakage_power : 3;
    pin (A) { direction : input; capacitance : 0.01; }
    pin (Y) {
      direction : output; function : "!A";
      timing () {
        related_pin : "A"; timing_sense : negative_unate;
        cell_rise (delay) { values ("0.1, 0.3", "0.2, 0.4"); }
        cell_fall (delay) { values ("0.1, 0.3", "0.2, 0.4"); }
        rise_transition (delay) { values ("0.0, 0.0", "0.0, 0.0"); }
        fall_transition (delay) { values ("0.0, 0.0", "0.0, 0.0"); }
      }
      internal_power () {
        related_pin : "A";
        rise_power (scalar) { values ("0.5"); } fall_power (scalar) { values ("0.3"); }
      }
    }
  }
  cell (BUF) {
    area : 3; cell_leakage_power : 3;
    pin (A) { direction : input; capacitance : 0.01; }
    pin (Y) {
      direction : output; function : "A";
      timing () {
        related_pin : "A"; timing_sense : positive_unate;
        cell_rise (scalar) { values (0.1); } cell_fall (scalar) { values (0.1); }
        rise_transition (scalar) { values (0); } fall_transition (scalar) { values (0); }
      }
    }
  }
  cell (DFF) {
    area : 10; cell_leakage_power : 5;
    ff (IQ, IQN) { clocked_on : "CLK"; next_state : "D"; }
    pin (CLK) {
      direction : input; clock : true; capacitance : 0.02;
      internal_power () { rise_power (scalar) { values (0.25); } fall_power (scalar) { values (0.15); } }
    }
    pin (D) {
      direction : input; capacitance : 0.01;
      timing () {
        related_pin : "CLK"; timing_type : setup_rising;
        rise_constraint (setup) { values ("0.2, 0.2", "0.2, 0.2"); }
        fall_constraint (setup) { values ("0.2, 0.2", "0.2, 0.2"); }
      }
    }
    pin (Q) {
      direction : output; function : "IQ";
      timing () {
        related_pin : "CLK"; timing_type : rising_edge;
        cell_rise (scalar) { values (0.5); } cell_fall (scalar) { values (0.6); }
        rise_transition (scalar) { values (0); } fall_transition (scalar) { values (0); }
      }
      internal_power () {
        related_pin : "CLK"; rise_power (scalar) { values (0.7); } fall_power (scalar) { values (0.9); }
      }
    }
  }
}
"""

#: An SRAM macro in the manner of IHP's, attributes without semicolons included: 16 words of 8 bits.
MACRO = """
library (RAM16x8) {
  time_unit : "1ns"; capacitive_load_unit (1, pf); leakage_power_unit : "1nW"; nom_voltage : 1.2;
  type (A_3_0) { base_type : array; bit_width : 4; }
  type (D_7_0) { base_type : array; bit_width : 8; }
  cell (RAM16x8) {
    area : 1000; cell_leakage_power : 7;
    memory () { type : ram; address_width : 4; word_width : 8; }
    pin (CLK) {
      direction : input; clock : "true"; capacitance : 0.004;
      internal_power () { when : "EN & WE & !RE"; rise_power ("scalar") { values (30); } }
      internal_power () { when : "EN & !WE & RE"; rise_power ("scalar") { values (20); } }
      internal_power () { when : "!EN & !WE & !RE"; rise_power ("scalar") { values (0); } }
    }
    pin (EN) { direction : input; capacitance : 0.003; }
    pin (WE) { direction : input; capacitance : 0.003; }
    pin (RE) { direction : input; capacitance : 0.003; }
    bus (ADDR) { bus_type : A_3_0; direction : input; capacitance : 0.005;
      pin (ADDR[3:0]) {
        internal_power () {
          when : "EN" rise_power (scalar) { values (1); } fall_power (scalar) { values (0); }
        }
      }
    }
    bus (DIN) { bus_type : D_7_0; direction : input; capacitance : 0.004;
      pin (DIN[7:0]) {
        internal_power () {
          when : "EN"; rise_power (scalar) { values (0.75); } fall_power (scalar) { values (0.25); }
        }
      }
    }
    bus (MASK) { bus_type : D_7_0; direction : input; capacitance : 0.004; }
    bus (DOUT) { bus_type : D_7_0; direction : output;
      timing () { related_pin : "CLK"; timing_type : rising_edge;
        cell_rise (scalar) { values (3.5); } cell_fall (scalar) { values (3.25); }
        rise_transition (scalar) { values (0.1); } fall_transition (scalar) { values (0.1); }
      }
    }
  }
}
"""
