"""What a run's process is asked to do: `order.json` in the run's folder.

It holds no secret and no variable's value: the process inherits the environment of whoever starts
or resumes the run, and the order names what of it the steps may see.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from console.catalog.spec import Risk
from console.errors import JournalError
from console.settings import write_private
from console.task import Task

FILE = "order.json"

OnFailure = Literal["ask", "replan", "rollback", "stop"]


class Order(BaseModel):
    """One run to execute.

    `tools` are tool files on top of the task's own. `approve` is what may go without asking:
    `none`, `yes` (everything the plan declares) or all up to a risk; `unattended` says that nobody
    will answer. `env` names variables of the caller that the steps get besides the usual ones.
    `executor_model` is the model for steps that are agents, "" for the configured one; `record` a file
    for the planner's answers. `inject` names a failure of a sample. `reopen` takes up a run that had
    ended, `roll_back` to undo it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    directory: Path
    task: Task
    tools: tuple[Path, ...] = ()
    workspace: str
    approve: Literal["none", "yes"] | Risk = "none"
    on_failure: OnFailure | None = None
    env: tuple[str, ...] = ()
    limits: dict[str, float] = {}
    executor_model: str = ""
    record: Path | None = None
    inject: str = ""
    unattended: bool = False
    reopen: bool = False
    roll_back: bool = False
    by: str

    @property
    def run(self) -> str:
        return self.directory.name


def save_order(order: Order) -> None:
    """Put the order where the run's process, or one that resumes it, finds it."""
    write_private(order.directory / FILE, order.model_dump_json(by_alias=True))


def load_order(directory: Path, **changes: Any) -> Order:
    """The order of a run, with changes for a new start. Raises `JournalError` when it is lost."""
    try:
        order = Order.model_validate_json((directory / FILE).read_bytes())
    except (OSError, ValidationError):
        raise JournalError(
            "the order of this run cannot be read",
            where=str(directory / FILE),
            kept="its record is kept",
            todo="Look at it with `plandeck show`, or start the task anew",
        ) from None
    return order.model_copy(update={"directory": directory, **changes})
