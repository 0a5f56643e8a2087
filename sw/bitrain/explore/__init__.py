"""The best accelerator for a network and a device, before any tool has run."""
