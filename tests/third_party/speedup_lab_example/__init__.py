"""A workload and an executor that are not part of Speedup Lab."""
