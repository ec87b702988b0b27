"""The research data, read once for benchmarks and training."""
