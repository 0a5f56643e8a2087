"""A network compiled to the engines of an accelerator."""

from .engines import Engines, EnginesCost, Part, compile_network

__all__ = ["Engines", "EnginesCost", "Part", "compile_network"]
