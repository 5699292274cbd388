"""The run outside the screen: a process of its own, its socket, and the client's side of both."""
