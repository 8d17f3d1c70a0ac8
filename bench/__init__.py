"""Measures how fast the desk is, in ratios to what this machine can verify and sign at all.

    .venv/bin/python -m bench            # or: make bench
    .venv/bin/python -m bench --write    # and put the table into docs/performance.md

One run measures the ceiling and everything else in turn, several times over, so that what else the machine does
falls on all of them alike.
"""
