"""The words that steer a run without the screen: whatever its keys can do, as lines that are typed.

`looking` tells, `steering` wishes, `editing` changes the plan; console/commands/typed.py hears the lines.
"""
