"""The demo data: simulated mDST files, their catalogue, a steering for them, and the program that made them.

``data/`` and ``catalogue/`` are what `make` writes; ``steering/B2EtapKs.py`` is the three-channel example. What was
simulated and what was left out is in ``docs/demo_data.md``, and with the numbers in the modules: `generate` (Pythia),
`skim`, `tracking`, `identification`, `calorimetry`; `layout` and `rootfile` write it as mDST; `samples` is the grid.
"""
