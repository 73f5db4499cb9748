"""charloc: where every character of a word image is, learned from the image and its transcript alone.

Importing this package never imports torch; only `charloc.nets` and the methods that learn do.
"""
