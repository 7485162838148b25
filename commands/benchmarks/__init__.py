"""Public benchmarks beside the pipeline: evaluation, adapter strengths, fingerprints against leaks."""
