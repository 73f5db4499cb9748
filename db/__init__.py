"""The store: words, rounds, proposals and corrections of one project, behind one public `Store`."""
