"""Inspection of map layers (质检): the rules Q1101–Q6110 over a layer version and the layers it must agree with.

`rules` says what a rule is, `tables` what it sees, `running` runs them and reckons score and verdict, `loading` brings
the versions of the lake, `keeping` writes the inspection down with its error layer.
"""
