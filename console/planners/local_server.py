"""Runs a model of a file inside the planner's worker: the only file that imports xllamacpp (llama.cpp).

Its server listens on the loopback, at a free port, for whoever has the key that is drawn here and never
leaves this process. The worker then asks it like any other server.
"""

from __future__ import annotations

import importlib
import os
import secrets
from dataclasses import dataclass
from typing import Any

from console.model_file import PREFIX, is_local
from console.planners import llm_wire as wire
from console.planners.gguf import CONTEXT


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs: its address, its key, and what keeps it alive."""

    address: str
    key: str
    server: Any


class CannotRun(Exception):
    """The file is not a model that can be run here."""


class LocalServer:
    """The one model that runs in this process; another one takes its place."""

    def __init__(self) -> None:
        self._model = ""
        self._running: Running | None = None

    def key(self, address: str) -> str:
        """The key of the server at this address; "" when it is none of ours."""
        running = self._running
        return running.key if running is not None and running.address == address else ""

    def hosted(self, ask: wire.Ask) -> wire.Ask:
        """`ask`, put to the server in this process where it is about a model in a file. Raises
        `CannotRun`."""
        if not is_local(ask.model):
            return ask
        if self._running is None or self._model != ask.model:
            self._running = None
            self._running = _start(ask.model.removeprefix(PREFIX), ask.context or CONTEXT)
            self._model = ask.model
        return ask.model_copy(update={"model": "openai/local", "api_base": self._running.address})


def _start(path: str, context: int) -> Running:
    llama: Any = importlib.import_module("xllamacpp")
    key = secrets.token_urlsafe(24)
    params = llama.CommonParams()
    params.model.path = path
    params.n_ctx = context
    params.n_parallel = 1
    params.n_gpu_layers = 0
    params.port = 0
    params.api_keys = [key]
    params.ui = False
    params.endpoint_slots = False
    params.warmup = False
    params.verbosity = -1
    # Threads that wait for each other stand still when a machine is busy: half of the processors, and no
    # spinning.
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.n_threads = max(1, (os.cpu_count() or 2) // 2)
        threads.poll = 0
    try:
        server = llama.Server(params)
    except RuntimeError as error:
        raise CannotRun(str(error)) from None
    return Running(f"{server.listening_address}/v1", key, server)
