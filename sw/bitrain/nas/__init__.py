"""InheritedNAS: fine-grained search that begins with coarse cells, stage by stage."""
