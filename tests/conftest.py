"""What all tests share."""

import os

# Before torch is imported: threads that spin while they wait crawl where workers share cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
