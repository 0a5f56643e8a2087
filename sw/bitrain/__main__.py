"""``python -m bitrain``: the command line."""

from bitrain.cli import main

main()
