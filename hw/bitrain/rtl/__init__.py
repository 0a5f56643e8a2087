"""RTL of the accelerator: one Amaranth component per file, parametrised by the contract."""
