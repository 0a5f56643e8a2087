"""What a graph gives by a runtime that is not ours."""

import warnings

import numpy as np
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator

from bitrain.spec import BitrainError

from .folding import Folded

QUIET = 4
"""onnxruntime tells nothing but fatal errors."""


class Runtime:
    """onnxruntime, or ONNX's reference implementation, which is slow.

    The latter where the former is not installed, or does not know what the graph asks for.
    """

    def __init__(self, folded: Folded):
        self._folded = folded
        self._session = _session(folded)
        self.name = "ONNX's reference" if self._session is None else "onnxruntime"

    def scores(self, images: np.ndarray) -> np.ndarray:
        """The output for images as the graph reads them; :class:`BitrainError` where it fails."""
        folded = self._folded
        if folded.image.elements == TensorProto.DOUBLE:
            images = images.astype(np.float64)
        fed = {folded.image.name: images}
        if self._session is not None:
            try:
                (found,) = self._session.run(None, fed)
                return np.asarray(found)
            except Exception:  # its own classes
                self._session, self.name = None, "ONNX's reference"
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                (found,) = ReferenceEvaluator(folded.model).run(None, fed)
        except Exception as error:  # it has many ways to say no
            line = str(error).partition("\n")[0]
            raise BitrainError(
                f"model {folded.path}: no runtime can run it ({line}); export it again"
            ) from error
        return np.asarray(found)


def _session(folded: Folded):
    try:
        import onnxruntime
    except ModuleNotFoundError:
        return None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(
            folded.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # of its own classes: operators or versions that it does not know
        return None
