"""The verbs of a register, one file each: ``check()`` says whether it may be done, ``perform()`` does it.

``perform()`` is one transaction: the rows, the search index, the record version and the journal entry stand or fall
together. Nothing official is ever deleted.
"""
