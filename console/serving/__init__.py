"""plandeck for other programs, over the Model Context Protocol.

    clerk.py     what a program may do with runs: submit, look, wait, ask for a rollback; never approve
    told.py      what it is told: the shapes of the answers
    runs.py      the clerk as an MCP server (`plandeck mcp`)
    calls.py     one call of one tool of a catalog, as a supervised attempt
    folder.py    where the attempts of such calls are, as long as the server lives
    tools.py     a catalog as an MCP server (`plandeck tools serve`)
    ending.py    how a server ends by a signal
    listening.py a port of this machine
    pipes.py     standard input and output
    transport.py HTTP on the loopback, with a token
    browser.py   the console itself in a browser (`plandeck serve`)

`mcp` is imported in runs.py, tools.py and pipes.py alone.
"""
