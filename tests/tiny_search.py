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
