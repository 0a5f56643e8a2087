"""ONNX files as torch modules, which the front end reads like any other.

ONNX: Open Neural Network Exchange, https://onnx.ai/onnx/intro. ``load_onnx`` reads and checks a
file (``file``), folds what does not depend on the image and takes quantisers out (``folding``,
``quantisers``), and makes a module of the rest (``module``, ``operators``), whose results are
compared with those of a runtime that is not ours (``runtime``).
"""

from .module import OnnxModule, load_onnx

__all__ = ["OnnxModule", "load_onnx"]
