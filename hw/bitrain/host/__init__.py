"""What a host sees of an accelerator: registers, weight image, weight streams, serial link."""

from .serial_link import LinkError, Reply, SerialLink
from .weight_image import weight_image, write_weight_image
from .weight_stream import num_beats, weight_beats, weight_files, write_weight_beats

__all__ = [
    "LinkError",
    "Reply",
    "SerialLink",
    "num_beats",
    "weight_beats",
    "weight_files",
    "weight_image",
    "write_weight_beats",
    "write_weight_image",
]
