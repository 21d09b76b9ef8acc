"""A module a command, named as the command, with a Click command of that name in it.

probe          measure round trips
serve          echo what comes in
diagnose       find what is wrong with a path
load           load a line, and see what that does to delays
monitor        watch many targets, all the time
trace          show the path of a flow
matrix         print the paths of a mesh
history        print what a monitor kept
report         print a saved run again
compare        put two saved runs side by side
schema         print the JSON Schema
completions    print a shell's script
help           print a longer text
"""
