"""What a user asks of an accelerator, and the engines that a network is compiled to."""

from .engines import Part, Pipeline, PipelineCost, compile_network
from .interface import Interface

__all__ = ["Interface", "Part", "Pipeline", "PipelineCost", "compile_network"]
