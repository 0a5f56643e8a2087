"""What a host sees of an accelerator: registers, weight image, serial link."""

from .serial_link import LinkError, Reply, SerialLink
from .weight_image import weight_image, write_weight_image

__all__ = ["LinkError", "Reply", "SerialLink", "weight_image", "write_weight_image"]
