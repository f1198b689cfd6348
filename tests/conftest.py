"""Fixtures for all of the tool's own tests."""

from __future__ import annotations

import os

# Before torch is imported anywhere: see README, "CI and contributors".
os.environ["OMP_NUM_THREADS"] = "1"
