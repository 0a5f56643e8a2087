"""The module that a design instantiates: an accelerator with the ports of an interface."""

from amaranth.hdl import ClockDomain, Module
from amaranth.lib.wiring import Component, Flow, In, Out

from bitrain.accelerator import Engines
from bitrain.program import Interface

from .accelerator import Accelerator
from .axi_accelerator import AxiAccelerator, build_accelerator
from .pipelined_accelerator import PipelinedAccelerator


def build_top(engines: Engines) -> Component:
    """The accelerator of ``engines`` with the streams, the clock and the reset of its interface.

    Ports of the raw interface are those that Amaranth writes: ``pixels__valid``, ``clk``, ``rst``.
    """
    interface = engines.config.interface
    if interface == Interface():
        return build_accelerator(engines)
    inner = AxiAccelerator(engines) if interface.is_axi else build_accelerator(engines)
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
