"""What every long job needs: an output folder with finished steps, YAML, plots."""
