"""A tool, as its file describes it.

    ToolSpec ── parameters        what a step may give it (shown to planners as JSON Schema)
       ├─────── script | http | mcp | function | agent    how it is carried out: exactly one
       ├─────── contract           what must hold before, what holds after, in facts
       └─────── risk, undo, verify, probe ...     what the operator and the checker need to know

A *fact* is a short sentence of words, `backup maindb`. In a contract a word `$x` stands for a
parameter or for one of the tool's `vars`; `*` (in `removes` only) matches any word.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from console.catalog.surroundings import USUAL, variables_in
from console.plan.model import NOTE, Params, Undo


class Spec(BaseModel):
    """Base of the frozen parts of a tool."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Risk(StrEnum):
    """What a tool may do to the world, mildest first; `rank` compares them."""

    OBSERVE = "observe"
    REVERSIBLE = "reversible"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {risk: rank for rank, risk in enumerate(Risk)}

Fact = tuple[str, ...]
"""The words of a fact or of a pattern: ("backup", "$db")."""

ParameterType = Literal["string", "number", "integer", "boolean", "array", "object"]


class Parameter(Spec):
    """One parameter. `json_schema` adds to the schema that `type` gives (enum, pattern, items);
    `allow_dash` lets a value begin with "-" where it stands as a bare argument."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$")]
    type: ParameterType = "string"
    description: str = ""
    required: bool = False
    default: Any = None
    allow_dash: bool = False
    json_schema: dict[str, Any] = Field(default={}, alias="schema")


class Script(Spec):
    """A process: `shell` text, or `command` with `args`. `timeout` is in seconds."""

    shell: str | None = None
    command: str | None = None
    args: tuple[str, ...] = ()
    working_dir: str | None = None
    timeout: float = 30.0


class Http(Spec):
    """A request; `extract_json` is a JMESPath into the reply. `timeout` is in seconds. `allow_private` lets
    it go to this machine and its network."""

    url: str
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str | None = None
    timeout: float = 30.0
    extract_json: str | None = None
    allow_private: bool = False


class McpCall(Spec):
    """A tool of an MCP server declared as `server`; `pin` is the SHA-256 of its raw definition, `start` that
    of the server's declaration; `claims` are the server's own words on what the tool does ("read only").
    `timeout` is in seconds."""

    server: str
    tool: str
    pin: str = ""
    start: str = ""
    claims: tuple[str, ...] = ()
    timeout: float = 30.0


class Agent(Spec):
    """A tool that thinks: a model which calls `tools`, one after the other, until it knows the answer.

    `prompt` tells the model who it is; `model` is the run's executor model when empty. It may make `steps`
    calls, read and write `tokens`, work for `timeout` seconds (waiting for a person does not count) and
    cost `cost_usd`. Calls up to `risk` are approved with the step; each one above asks by itself.
    """

    prompt: str = ""
    model: str = ""
    tools: tuple[str, ...] = ()
    steps: int = Field(default=8, ge=1, le=100)
    tokens: int = Field(default=100_000, ge=1)
    timeout: float = 600.0
    cost_usd: float | None = None
    risk: Literal[Risk.OBSERVE, Risk.REVERSIBLE] = Risk.OBSERVE


class Contract(Spec):
    """What the planner and the checker know about a tool, in facts.

    requires   must hold before          provides   holds after success
    removes    holds no more             forbids    must not hold before
    writes     resources it changes; two unordered writers of one are a conflict
    fails_adding, fails_removing         facts after a failed attempt
    vars       planner-only variables, bound through `requires`
    """

    requires: tuple[Fact, ...] = ()
    provides: tuple[Fact, ...] = ()
    removes: tuple[Fact, ...] = ()
    forbids: tuple[Fact, ...] = ()
    writes: tuple[Fact, ...] = ()
    vars: tuple[str, ...] = ()
    fails_adding: tuple[Fact, ...] = ()
    fails_removing: tuple[Fact, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.requires or self.provides or self.removes or self.forbids or self.writes)


class McpTool(Spec):
    """What a catalog file says about one tool of a server, over what the server claims. `timeout` and
    `duration` are in seconds, `cost` is in US dollars."""

    risk: Risk | None = None
    contract: Contract = Contract()
    recovery: bool = False
    undo: Undo | None = None
    verify: str | None = None
    probe: str | None = None
    idempotent: bool = False
    timeout: float | None = None
    duration: float | None = None
    cost: float | None = None


class McpServer(Spec):
    """An MCP server whose tools appear as `server.tool`: a process (`command`, `args`, `env`) or a `url`.

    `tools` are the file's own words on some of its tools; `timeout` is how many seconds it has to start
    and to tell its tools. `asked` says that it was asked in this run, `problem` why it told nothing.
    """

    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: str | None = None
    headers: dict[str, str] = {}
    tools: dict[str, McpTool] = {}
    timeout: float = 30.0
    asked: bool = False
    problem: str = ""
    file: str = ""
    line: int = 0

    @property
    def secrets(self) -> tuple[str, ...]:
        """The caller's variables that it is given: those that its `env` and `headers` name."""
        named = (
            found for text in (*self.env.values(), *self.headers.values()) for found in variables_in(text)
        )
        return tuple(dict.fromkeys(name for name in named if name not in USUAL))


class Goal(Spec):
    """A goal pattern: words of a task (`deploy $tag to $env`) and the facts they ask for."""

    pattern: str
    want: tuple[Fact, ...]


class ToolSpec(Spec):
    """One tool of the catalog.

    `recovery` tools are for replans and rollbacks only. `undo` is the compensation offered for
    each step that uses the tool. `verify` is the fact or tool that proves the effect. `probe` is
    a shell command that tells after a crash whether the effect is there (exit 0 done, 1 not
    done); `check` rehearses. `duration` is in seconds, `cost` in US dollars, both estimates.
    `file` and `line` say where the tool was read. `input_schema` is the JSON Schema of all parameters
    where somebody else wrote one; `output_schema` that of its result, a claim that helps to write
    references and decides nothing.
    """

    name: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    script: Script | None = None
    http: Http | None = None
    mcp: McpCall | None = None
    function: str | None = None
    agent: Agent | None = None
    environment: dict[str, str] = {}
    risk: Risk = Risk.DISRUPTIVE
    risk_known: bool = False
    contract: Contract = Contract()
    recovery: bool = False
    undo: Undo | None = None
    verify: str | None = None
    probe: str | None = None
    check: str | None = None
    idempotent: bool = False
    secrets: tuple[str, ...] = ()
    duration: float | None = None
    cost: float | None = None
    file: str = ""
    line: int = 0

    @property
    def schema_of_parameters(self) -> dict[str, Any]:
        """The JSON Schema (2020-12) that a step's parameters must meet."""
        if self.input_schema is not None:
            return self.input_schema
        return {
            "type": "object",
            "properties": {
                p.name: {"type": p.type, "description": p.description, **p.json_schema}
                for p in self.parameters
            },
            "required": [p.name for p in self.parameters if p.required and p.default is None],
            "additionalProperties": False,
        }

    @property
    def timeout(self) -> float:
        """Seconds after which an attempt is ended, unless the step says otherwise."""
        how = self.script or self.http or self.mcp or self.agent
        return how.timeout if how else 30.0

    def with_defaults(self, params: Params) -> Params:
        """`params` with every default that it does not give."""
        return {p.name: p.default for p in self.parameters if p.default is not None} | params


class Catalog(Spec):
    """The tools of one run, by name, with the goal patterns and the files they came from.

    `warnings` are things a tool file says that were understood but not used.
    """

    tools: dict[str, ToolSpec] = {}
    goals: tuple[Goal, ...] = ()
    servers: dict[str, McpServer] = {}
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def get(self, name: str) -> ToolSpec | None:
        return self.tools.get(name)

    def risk(self, action: str) -> Risk:
        """The risk of calling a tool; an unknown one is destructive, a note (or a phase) is harmless."""
        if action == NOTE or not action:
            return Risk.OBSERVE
        tool = self.tools.get(action)
        return tool.risk if tool else Risk.DESTRUCTIVE
