"""From options to a job, in a straight line: read files, check what conflicts, build.

options      the options as they were given
inputs       the files that they name, read
applies      which options and metrics have a meaning for which targets
conflicts    which do not go together
build        the frozen job
service      the same for a server, in one step
loading      the same for netecho load
"""
