"""The words that steer a run without the screen: whatever its keys can do, as lines that are typed.

`table` lists them; `looking` tells, `steering` wishes, `editing` and `revising` change the plan and its
revision. console/commands/typed.py hears the lines.
"""
