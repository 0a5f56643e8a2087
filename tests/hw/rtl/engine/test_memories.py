"""Memories: as deep as an address needs, and what tools are told of them."""

from amaranth.hdl import unsigned

from bitrain.rtl.engine.memories import ram, rom


def test_an_address_needs_a_bit():
    assert ram(unsigned(3), 1).depth == 2 and ram(unsigned(3), 5).depth == 5
    assert rom(unsigned(3), [7]).depth == 2 and list(rom(unsigned(3), [7]).init) == [7, 0]


def test_tools_check_no_reads_of_what_is_being_written():
    assert "no_rw_check" in ram(unsigned(3), 4).attrs
    assert "no_rw_check" in rom(unsigned(3), [1, 2], loadable=True).attrs
    assert "no_rw_check" not in rom(unsigned(3), [1, 2]).attrs


def test_zeros_that_a_host_may_rely_on():
    assert "initial_contents" in rom(unsigned(3), [0, 0], loadable=True).attrs
    assert "initial_contents" not in ram(unsigned(3), 2).attrs
