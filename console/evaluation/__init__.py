"""Evaluation: which planner, prompt or model plans these tasks better?

cases.py     the tasks of a folder, with their reference plans
matrix.py    contenders × tasks × repeats, planned one after the other (and executed, when asked)
score.py     a plan -> numbers (pure); agreement.py compares it with a reference (pure)
store.py     every trial in SQLite, as it comes
compare.py   two contenders on the same tasks, pair by pair (pure)
"""
