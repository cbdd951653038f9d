"""Issue detectors: raised, not raised just below the threshold, cleared."""
