"""From ``solutions/`` to what students get: stub, notebook, folder, wheel.

The room's one rule: whatever is not clearly public stays. A release is a function of the public
parts of ``solutions/`` and changes nothing when it is written again.

- `release` writes a release, also over an earlier one.
- `check_assignments` says how ``assignments/`` differs from what would be written.
- `ReleaseReport` is what `release` did.
"""
