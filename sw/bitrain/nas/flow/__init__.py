"""``bitrain search``: the steps, baselines and studies of the architecture search."""
