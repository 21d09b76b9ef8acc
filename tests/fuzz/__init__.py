"""Fuzzing of every parser that reads what others write.

`targets` has one function a parser: it takes bytes, runs the parser on what they stand for, and raises for what must
never be. pytest replays the corpus and a few hundred mutations of it; `python -m tests.fuzz [NAME] --seconds 600` goes
on for as long as it is given, guided by coverage where atheris is installed.
"""
