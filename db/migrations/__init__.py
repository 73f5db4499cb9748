"""How the tables came to be, step by step.

To change them: edit `db/schema.py`, write the step as a new file in `versions/` like the newest one there, and raise
`schema.HEAD` to its revision. The tests name every difference between the two.
"""
