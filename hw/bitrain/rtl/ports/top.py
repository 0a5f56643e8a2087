"""The module that a design instantiates: an accelerator with the ports of an interface."""

from amaranth.hdl import ClockDomain, Module
from amaranth.lib.wiring import Component, Flow, In, Out

from bitrain.accelerator import Interface, Pipeline
from bitrain.program import Program
from bitrain.spec import BitrainError

from .accelerator import Accelerator
from .axi_accelerator import AxiAccelerator, build_accelerator
from .pipelined_accelerator import PipelinedAccelerator


def build_top(program: Program | Pipeline, interface: Interface) -> Component:
    """The accelerator of ``program`` with the streams, the clock and the reset of ``interface``.

    Ports of the raw interface are those that Amaranth writes: ``pixels__valid``, ``clk``, ``rst``.
    Raises :class:`BitrainError` for an interface without the bus that an option needs.
    """
    if program.early_termination and (len(program.prefixes) < 2 or not interface.is_axi):
        raise BitrainError(
            "early termination: "
            + (
                "the raw interface has no registers for its margins; choose --interface axi"
                if not interface.is_axi
                else f"network {program.network.name!r} has no shorter streams to run first"
            )
        )
    if program.loadable and not interface.is_axi:
        raise BitrainError(
            "weights = ram: the raw interface has no bus to write them over; choose --interface axi"
        )
    if interface == Interface():
        return build_accelerator(program)
    inner = AxiAccelerator(program) if interface.is_axi else build_accelerator(program)
    return Top(inner, interface)


class Top(Component):
    """A component of the default clock domain, with clock and reset of a name and polarity.

    All ports are flat; ``s_axis.tdata`` is called ``s_axis_tdata``, in the raw interface
    ``pixels__payload``, as Amaranth does.

    Parameters
    ----------
    inner
        The accelerator.
    interface
        Names and polarity.

    Members
    -------
    clock, reset : In(1)
        Under the names of the interface.
    """

    def __init__(
        self, inner: Accelerator | AxiAccelerator | PipelinedAccelerator, interface: Interface
    ):
        self.inner = inner
        self.interface = interface
        separator = "_" if interface.is_axi else "__"
        self._ports = {
            separator.join(map(str, path)): (member, signal)
            for path, member, signal in inner.signature.flatten(inner)
        }
        super().__init__(
            {interface.clock_name: In(1), interface.reset_name: In(1)}
            | {
                name: (In if member.flow == Flow.In else Out)(member.shape)
                for name, (member, _) in self._ports.items()
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = self.inner
        m.domains.sync = domain = ClockDomain()
        domain.clk = getattr(self, self.interface.clock_name)
        reset = getattr(self, self.interface.reset_name)
        m.d.comb += domain.rst.eq(~reset if self.interface.reset == "low" else reset)
        for name, (member, signal) in self._ports.items():
            port = getattr(self, name)
            m.d.comb += signal.eq(port) if member.flow == Flow.In else port.eq(signal)
        return m
