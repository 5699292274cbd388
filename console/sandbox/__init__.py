"""A world of its own for a task: samples and rehearsals run for real and touch nothing else.

    sandbox:
      copy: [site, {from: conf/app.conf, to: app.conf}]     what lies beside the task, into the workspace
      env: {PGHOST: 127.0.0.1}                              variables for every command and step
      setup: [sh setup.sh]                                  commands in the workspace, one after the other
      services:
        - name: web
          run: python3 -m http.server "$SITE_PORT" --bind 127.0.0.1 --directory www
          port: SITE_PORT                                   a free port, exported to every command here
          ready: {port: SITE_PORT}                          or {file: web.pid}, or {run: command}
      teardown: [rm -f lock]
      inject:                                               named failures, one chosen with --inject NAME
        broken-build: {description: fails after go-live, run: [sh break.sh]}
      prove:                                                how to tell from outside what came of it
        done: [test -f report.txt]
        undone: [sh state.sh | diff before.txt -]

`prepare` may be called again for the same workspace, by a resumed engine: what was copied and set up
stays as it is, a service that still runs is taken over, one that does not is started again on its port.
Services write to `.sandbox/NAME.log` in the workspace.
"""

from console.sandbox.document import Sandbox, parse
from console.sandbox.world import Running, prepare

__all__ = ["Running", "Sandbox", "parse", "prepare"]
