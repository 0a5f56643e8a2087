"""What an accelerator takes of a device, without synthesis: a model fitted to samples."""
