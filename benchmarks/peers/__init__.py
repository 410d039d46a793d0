"""The integrators compared, each behind the same function ``prepare(case, method, threads)``."""
