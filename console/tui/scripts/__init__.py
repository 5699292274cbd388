"""Session scripts: one form for demos, tests and the guide's pictures.

    title: A release that breaks after going live
    task: deploy                     # a sample task's name, or a task file beside the script
    set: {tag: v2.3.1}               # values of its inputs
    inject: broken-build             # one of the sample's failures
    recording: replies.yaml          # stored replies of a planner; without one the offline planner plans
    clock: 2026-05-14 09:30:00       # when the session begins (UTC)
    begin: picker                    # picker, or run (the default)
    size: 80x24                      # the terminal; 140x40 is the default
    world:                           # how attempts go where nothing is carried out: by step or STEP/ATTEMPT
      6/1: {seconds: 12, exit: 1, err: health check failed}
    lines:
      - say: Nothing has run yet.
      - wait_for: awaiting_approval  # a state of the run, or {status, asks, steps, text, no_text}
      - press: a G enter
      - type: production
      - expect: {steps: {6: failed}, text: health check failed}
      - snapshot: failed

A script says what is pressed and what then holds, never how many seconds pass. The same file is played
three ways: `plandeck demo` presses the keys in a console on the terminal, over a real run in a world of
its own; the tests and the guide's pictures play it on a stage (console/service/stage.py), where time
moves by what `world` says and every picture comes out the same.
"""
