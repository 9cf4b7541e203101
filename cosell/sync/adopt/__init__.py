"""Taking over what Microsoft's connector has linked: read in pages, paired, compared, and only then written.

Start reading at `shadow.py`, which only looks; `take_over.py` goes on from what it has found, `undo.py` goes back.
"""
