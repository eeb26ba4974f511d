"""The rows of the table about many events at once, against PostgreSQL's own COPY."""

import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bench.comparing import Comparison
from bench.installation import WORKERS, Account, Installation
from bench.rows import an_event
from bench.servers import Server, memgraph
from bench.wrk import Call, LoadError
from tenants.ids import new_ids

NDJSON: Final = "application/x-ndjson"
BLOCK: Final = 1024 * 1024
COLUMNS: Final = "id, created_at, event_type, content, user_id, agent_id, thread_id, occurred_at, written_by_key"
COPY_IN: Final = f"COPY memory_event (tenant_id, {COLUMNS}) FROM STDIN"
COPY_OUT: Final = """
COPY (SELECT row_to_json(line) FROM (SELECT {columns} FROM memory_event WHERE tenant_id = '{tenant}') AS line) TO STDOUT
"""
COPY_ROWS: Final = "COPY (SELECT '{target}', {columns} FROM memory_event WHERE tenant_id = '{tenant}') TO STDOUT"
numbers = count(1)


def batches(bench: Installation) -> Iterator[Comparison]:
    """Of conversations; and what costs most, of events that belong to a thread each."""
    account, rows = bench.accounts["written"], bench.scale.batch
    events = [an_event(number) for number in range(rows)]
    alone = [{**event, "thread_id": f"alone {number}"} for number, event in enumerate(events)]
    for what, batch in (("20 a thread", events), ("1 a thread", alone)):
        calls = [Call("POST", "/v1/events/batch", account.key, json.dumps({"events": batch}))]
        yield Comparison(
            what=f"batches of {rows:,} events, {what}, COPY of the same",
            unit="rows/s",
            ours=partial(rows_a_second, bench, calls, rows),
            theirs=partial(copy_batches, bench, account, batch),
            at_least=0.5,
        )


def rows_a_second(bench: Installation, calls: list[Call], rows: int) -> float:
    return rows * bench.drive(bench.memgraph(), calls, connections=4)  # more of one tenant's would get 503 `busy`


def copy_batches(bench: Installation, account: Account, batch: list[dict[str, Any]]) -> float:
    """Rows a second, by as many connections as Memgraph has workers, each batch committed like its own."""
    lines = [copied_line(account, event) for event in batch]

    def copy_until(end: float) -> int:
        copied = 0
        with bench.superuser() as database:
            while perf_counter() < end:
                with database.cursor().copy(COPY_IN) as copy:
                    ids = new_ids(len(lines))
                    copy.write("".join(line.format(id=row_id) for line, row_id in zip(lines, ids, strict=True)))
                copied += len(lines)
        return copied

    started = perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        copied = sum(pool.map(copy_until, [started + bench.seconds] * WORKERS))
    return copied / (perf_counter() - started)


def copied_line(account: Account, event: dict[str, Any]) -> str:
    content = json.dumps(event["content"]).replace("{", "{{").replace("}", "}}")
    names = (event["event_type"], content, event["user_id"], event["agent_id"], event["thread_id"])
    moment = "2026-01-01T00:00:00Z"
    return "\t".join(map(str, (account.tenant_id, "{id}", moment, *names, moment, account.key_id))) + "\n"


def exports(bench: Installation) -> Iterator[Comparison]:
    events, few = bench.accounts["events"], bench.accounts["few events"]
    statement = COPY_OUT.format(columns=COLUMNS, tenant=events.tenant_id)
    yield Comparison(
        what=f"export of {bench.scale.events:,} events, COPY of row_to_json",
        unit="rows/s",
        ours=lambda: bench.scale.events / timed(lambda: export(bench.memgraph(), events)),
        theirs=lambda: bench.scale.events / timed(lambda: copy_out(bench, statement)),
        at_least=0.7,
    )
    yield Comparison(
        what=f"its peak memory, that of {bench.scale.few_events:,}",
        unit="MiB",
        ours=lambda: peak_memory(bench, lambda server: export(server, events)),
        theirs=lambda: peak_memory(bench, lambda server: export(server, few)),
        at_most=1.2,
        most_rounds=1,
    )


def imports(bench: Installation) -> Iterator[Comparison]:
    with tempfile.TemporaryDirectory(prefix="memgraph-bench-") as folder:
        files = {name: Path(folder, f"{name}.ndjson") for name in ("events", "few events")}
        for name, file in files.items():
            export(bench.memgraph(), bench.accounts[name], file)
        yield Comparison(
            what=f"import of {bench.scale.events:,} events, COPY of the same",
            unit="rows/s",
            ours=lambda: bench.scale.events / timed_import(bench, bench.memgraph(), files["events"]),
            theirs=lambda: bench.scale.events / timed_copy(bench, Path(folder, "rows")),
            at_least=0.4,
        )
        yield Comparison(
            what=f"its peak memory, that of {bench.scale.few_events:,}",
            unit="MiB",
            ours=lambda: peak_memory(bench, lambda server: timed_import(bench, server, files["events"])),
            theirs=lambda: peak_memory(bench, lambda server: timed_import(bench, server, files["few events"])),
            at_most=1.2,
            most_rounds=1,
        )


def timed(act: Callable[[], object]) -> float:
    started = perf_counter()
    act()
    return perf_counter() - started


def peak_memory(bench: Installation, act: Callable[[Server], object]) -> float:
    """Of the one worker of a server that did nothing else, in MiB."""
    with memgraph(bench.data_dir, workers=1) as server:
        act(server)
        return server.peak_memory()


def export(server: Server, account: Account, file: Path | None = None) -> None:
    with (file or Path("/dev/null")).open("wb") as target:
        answer = call(server, "GET", "/v1/admin/export", account)
        while block := answer.read(BLOCK):
            target.write(block)


def timed_import(bench: Installation, server: Server, file: Path) -> float:
    """Into a tenant of its own."""
    account = bench.make_account(f"imported {next(numbers)}")
    with file.open("rb") as source:
        size = {"Content-Type": NDJSON, "Content-Length": str(file.stat().st_size)}
        return timed(lambda: call(server, "POST", "/v1/admin/import", account, source, size).read())


def call(
    server: Server, method: str, path: str, account: Account, body: Any = None, headers: dict[str, str] | None = None
) -> HTTPResponse:
    http = HTTPConnection("127.0.0.1", server.port, blocksize=BLOCK)
    http.request(method, path, body, {"X-API-KEY": account.key, **(headers or {})})
    answer = http.getresponse()
    if answer.status != 200:
        raise LoadError(f"{method} {path} answered {answer.status}: {answer.read().decode()}")
    return answer


def copy_out(bench: Installation, statement: str, file: Path = Path("/dev/null")) -> None:
    with bench.superuser() as database, database.cursor().copy(statement) as copy, file.open("wb") as target:
        for line in copy:
            target.write(line)


def timed_copy(bench: Installation, file: Path) -> float:
    """Of the imported rows in COPY's own format, into a tenant of its own."""
    source, target = bench.accounts["events"], bench.make_account(f"imported {next(numbers)}")
    copy_out(bench, COPY_ROWS.format(target=target.tenant_id, columns=COLUMNS, tenant=source.tenant_id), file)

    def copy_in() -> None:
        with bench.superuser() as database, database.cursor().copy(COPY_IN) as copy, file.open("rb") as lines:
            while block := lines.read(BLOCK):
                copy.write(block)

    return timed(copy_in)
