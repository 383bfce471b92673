"""What drive_bench.py checks: each module has CHECKS, functions that take a BenchDevice and are told by their docstring."""
