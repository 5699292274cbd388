"""Tools and planners written for other libraries, as plandeck's: one file for each library.

    langchain.py     LangChain tools as tools of a catalog
    llamaindex.py    LlamaIndex tools as tools of a catalog
    langgraph.py     a LangGraph plan-and-execute graph as a planner

Nothing here is imported by plandeck itself: a package of yours does, and names the result as an entry
point (console/plugins.py). The foreign library comes with the extra of its name.
"""
