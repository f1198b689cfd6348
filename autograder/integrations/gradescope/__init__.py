"""Gradescope: zips that grade there, ``results.json``, and exports of submissions."""
