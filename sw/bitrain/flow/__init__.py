"""The steps of ``bitrain run``, and what can be done with a network file."""
