"""plandeck for other programs, over the Model Context Protocol.

    clerk.py     what a program may do with runs: submit, look, wait, ask for a rollback; never approve
    told.py      what it is told: the shapes of the answers
    runs.py      the clerk as an MCP server (`plandeck mcp`)
    calls.py     one call of one tool of a catalog, as a supervised attempt
    tools.py     a catalog as an MCP server (`plandeck tools serve`)
    transport.py standard input and output, or HTTP on the loopback with a token

`mcp` is imported in runs.py, tools.py and transport.py alone.
"""
