"""How our commands differ from Click's.

command           help with examples and sections
types             times, sizes, rates, targets as parameter types
check_names       the checks of `netecho diagnose` as one
usage_errors      Click's complaints in our words
shell_complete    completion scripts, and the answers to them
"""
