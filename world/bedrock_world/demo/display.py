"""What a person sees while the demo runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from bedrock_world.demo.plan import DemoPlan
from bedrock_world.demo.results import MinuteResult, Row

_REFRESHES_PER_SECOND = 6
_LINE_EVERY_MINUTES = 120


class Display:
    """Stages with their time, and the replay with its numbers as they come."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, soft_wrap=True)

    @contextmanager
    def stage(self, name: str, *, has_own_view: bool = False) -> Iterator[None]:
        """A stage: its name while it runs, and its time when it has ended.

        Args:
            name: what is going on.
            has_own_view: something else shows how it goes.
        """
        started = time.monotonic()
        if self._console.is_terminal and not has_own_view:
            with self._console.status(name):
                yield
        else:
            if not has_own_view:
                self.say(f"{name} ...")
            yield
        self.say(f"{name} [dim]({time.monotonic() - started:.1f} s)[/dim]")

    @contextmanager
    def replay(
        self, plan: DemoPlan, last_decision: Callable[[], str]
    ) -> Iterator[Callable[[MinuteResult], None]]:
        """The live view of a replay; give it each minute's result.

        Without a terminal, as in a log, it is one line for every two virtual hours.
        """
        totals = _Totals()
        if not self._console.is_terminal:

            def tell(result: MinuteResult) -> None:
                totals.add(result)
                if result.minute.minute == 0 and result.minute.hour * 60 % _LINE_EVERY_MINUTES == 0:
                    self.say(totals.line(last_decision()))

            yield tell
            return
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("virtual minutes"),
            TimeRemainingColumn(),
            console=self._console,
        )
        task = progress.add_task("replay", total=plan.minutes)
        with Live(
            progress, console=self._console, refresh_per_second=_REFRESHES_PER_SECOND
        ) as live:

            def show(result: MinuteResult) -> None:
                totals.add(result)
                progress.advance(task)
                live.update(Group(progress, totals.table(last_decision())))

            yield show

    def compare(self, rows: tuple[Row, ...]) -> None:
        """The table of costs and throttles."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("", no_wrap=True)
        for heading in ("USD", "units", "tokens", "not served", "peak units"):
            table.add_column(heading, justify="right", no_wrap=True)
        for number, row in enumerate(rows):
            table.add_row(
                row.name,
                f"{row.total_usd:,.2f}",
                f"{row.pt_usd:,.2f}",
                f"{row.token_usd:,.2f}",
                f"{row.throttled_requests:.2%}",
                f"{row.peak_units}",
                style="bold" if number == 0 else "",
            )
        self._console.print(table)


class _Totals:
    """The newest minute and the sums so far."""

    def __init__(self) -> None:
        self._result: MinuteResult | None = None
        self._asked = 0.0
        self._throttled = 0.0
        self._token_usd = 0.0

    def add(self, result: MinuteResult) -> None:
        """One more minute."""
        self._result = result
        self._asked += result.asked.requests
        self._throttled += result.throttled.requests
        self._token_usd += result.token_usd

    @property
    def _share(self) -> float:
        return self._throttled / self._asked if self._asked else 0.0

    def line(self, decision: str) -> str:
        """All in one line."""
        result = self._result
        if result is None:
            return ""
        usd = float(result.pt_usd) + self._token_usd
        return (
            f"{result.minute:%Y-%m-%d %H:%M}  demand {result.asked.units:5.2f} units, "
            f"in service {result.in_service_units}, {usd:9,.2f} USD, "
            f"not served {self._share:.2%}  {decision}"
        )

    def table(self, decision: str) -> Table:
        """The same for a terminal."""
        result = self._result
        table = Table.grid(padding=(0, 2))
        if result is None:
            return table
        usd = float(result.pt_usd) + self._token_usd
        table.add_row("virtual time", Text(f"{result.minute:%A %Y-%m-%d %H:%M} UTC", style="bold"))
        table.add_row("demand", f"{result.asked.units:.2f} model units")
        table.add_row("units", f"{result.in_service_units} in service of {result.held_units}")
        table.add_row(
            "spent", f"{usd:,.2f} USD ({result.pt_usd:,.2f} units, {self._token_usd:,.2f} tokens)"
        )
        table.add_row("not served", f"{self._share:.2%} of the requests")
        table.add_row("last decision", Text(decision, overflow="ellipsis", no_wrap=True))
        return table
