"""What the smallest architecture searches of the tests have in common, as YAML."""

SPACE = """\
name: tiny
genotype: residual
space:
  widths: [4, 8]
  cells: [1, 1]
  join: last
  target: accelerator
  operations: [conv_1x1, conv_3x3]
prune: {share: 0.6, networks: 8}
"""

CONFIG = f"""\
{SPACE}teacher: {{epochs: 1, batch_size: 32}}
search: {{epochs: 1, batch_size: 32}}
retrain: {{epochs: 1, batch_size: 32}}
random_networks: 1
sc: {{bits: 3, stream_length: 4, calibration_images: 40}}
finetune: {{epochs: 1}}
"""
