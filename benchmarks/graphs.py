"""Graphs to measure on: lists of (id, dependencies, seconds), the same on every run, and their floor.

`raw` is the floor: a dependency-aware loop of bare `posix_spawn`s of the same commands; no journal, no
supervisor, no output kept.
"""

from __future__ import annotations

import os
import random
import time
from collections import deque

Graph = list[tuple[str, list[str], float]]


def independent(count: int) -> Graph:
    return [(f"s{i}", [], 0) for i in range(count)]


def chain(count: int) -> Graph:
    return [(f"s{i}", [f"s{i - 1}"] if i else [], 0) for i in range(count)]


def layered(layers: int, width: int) -> Graph:
    """Each step after three random ones of the layer before."""
    draw = random.Random(7)
    graph: Graph = []
    for layer in range(layers):
        before = [f"s{(layer - 1) * width + k}" for k in range(width)]
        for k in range(width):
            graph.append((f"s{layer * width + k}", sorted(draw.sample(before, 3)) if layer else [], 0))
    return graph


def sleeps(count: int, seconds: float = 0.05) -> Graph:
    """Random dependencies on one of the sixty steps before."""
    draw = random.Random(7)
    graph: Graph = []
    for i in range(count):
        window = range(max(0, i - 60), i)
        many = min(i, draw.choice((0, 1, 1, 2, 3)))
        graph.append((f"s{i}", [f"s{k}" for k in sorted(draw.sample(window, many))], seconds))
    return graph


def lower_bound(graph: Graph, workers: int) -> float:
    """No schedule is shorter than the critical path, nor than all the work shared out evenly."""
    ends: dict[str, float] = {}
    for step, before, seconds in graph:
        ends[step] = seconds + max((ends[b] for b in before), default=0.0)
    return max(max(ends.values()), sum(seconds for *_, seconds in graph) / workers)


def command(seconds: float) -> str:
    return f"sleep {seconds}" if seconds else "true"


def raw(graph: Graph, workers: int) -> float:
    """Wall seconds of the bare loop."""
    missing = {step: len(before) for step, before, _ in graph}
    after: dict[str, list[str]] = {step: [] for step, *_ in graph}
    seconds = {step: s for step, _, s in graph}
    for step, before, _ in graph:
        for b in before:
            after[b].append(step)
    ready = deque(step for step in missing if not missing[step])
    running: dict[int, str] = {}
    env = dict(os.environ)
    begin = time.perf_counter()
    while ready or running:
        while ready and len(running) < workers:
            step = ready.popleft()
            running[os.posix_spawn("/bin/sh", ["sh", "-c", command(seconds[step])], env)] = step
        pid, _ = os.waitpid(-1, 0)
        step = running.pop(pid)
        for a in after[step]:
            missing[a] -= 1
            if not missing[a]:
                ready.append(a)
    return time.perf_counter() - begin
