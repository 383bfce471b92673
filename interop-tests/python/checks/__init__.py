"""What drive_bench.py checks: functions in each module's CHECKS, each told by its docstring."""
