"""Formal proofs about an accelerator, by SAT solving and exact integers.

``prove`` runs them for an IP package. A proof is an Amaranth component that holds the circuit as it
is and states its properties; Yosys' ``sat`` shows them by induction over cycles (N. Een and
N. Sörensson, *Temporal Induction by Incremental SAT Solving*, 2003), so for ever.
"""

from .prove import proofs_of, prove
from .solve import Proof, ProofResult, solve

__all__ = ["Proof", "ProofResult", "proofs_of", "prove", "solve"]
