"""FastAPI with asyncpg and SQL by hand, without an ORM: the fast one.

Statements that asyncpg prepares by itself, rows that go to orjson as they are, pydantic only for what comes in.
"""

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import asyncpg
import orjson
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from schemas import BeliefOut, EventIn, EventOut, make_cursor, read_cursor, read_token
from uuid_utils.compat import uuid7

POOL = 20  # of each of two processes
FIND_KEY = """
SELECT k.id, k.tenant_id, k.role, k.name, k.prefix, k.revoked_at, k.expires_at, t.suspended_at, t.keys_frozen_at,
    t.name AS tenant_name
FROM apikeys_apikey k JOIN tenants_tenant t ON t.id = k.tenant_id WHERE k.digest = $1
"""
FIND_SESSION = """
SELECT s.tenant_id, s.ended_at, s.expires_at, u.role, u.email, u.is_active, t.suspended_at, t.name AS tenant_name
FROM accounts_session s JOIN accounts_user u ON u.id = s.user_id JOIN tenants_tenant t ON t.id = s.tenant_id
WHERE s.id = $1
"""
EVENT = ", ".join(EventOut.model_fields)
BELIEF = ", ".join(BeliefOut.model_fields)
INSERT = f"""
INSERT INTO memory_event (tenant_id, id, created_at, written_by_key, event_type, content, user_id, agent_id, thread_id,
    occurred_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING {EVENT}
"""


async def prepare(connection: asyncpg.Connection) -> None:
    """Ids stay text, which is what JSON needs."""
    set_codec = partial(connection.set_type_codec, schema="pg_catalog")
    await set_codec("uuid", encoder=str, decoder=str)
    await set_codec("jsonb", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    sockets = os.environ["DATABASE_SOCKETS"]
    async with asyncpg.create_pool(
        host=sockets, port=5432, user="postgres", database="memgraph", max_size=POOL, init=prepare
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)


async def get_connection(request: Request) -> AsyncIterator[asyncpg.Connection]:
    async with request.app.state.pool.acquire() as connection:
        yield connection


Connection = Annotated[Any, Depends(get_connection)]
Limit = Annotated[int, Query(ge=1, le=200)]


async def get_key(
    connection: Connection, plaintext: Annotated[str, Security(APIKeyHeader(name="X-API-KEY"))]
) -> asyncpg.Record:
    key = await connection.fetchrow(FIND_KEY, hashlib.sha256(plaintext.encode()).digest())
    now = datetime.now(UTC)
    if key is None or key["revoked_at"] or (key["expires_at"] and key["expires_at"] <= now) or key["keys_frozen_at"]:
        raise HTTPException(401, "This key is not valid.")
    if key["suspended_at"]:
        raise HTTPException(403, "This workspace is suspended.")
    return key


Key = Annotated[Any, Depends(get_key)]


async def get_session(
    connection: Connection, bearer: Annotated[HTTPAuthorizationCredentials, Security(HTTPBearer())]
) -> asyncpg.Record:
    session = await connection.fetchrow(FIND_SESSION, read_token(bearer.credentials))
    if session is None or session["ended_at"] or session["expires_at"] <= datetime.now(UTC) or not session["is_active"]:
        raise HTTPException(401, "This session has ended.")
    if session["suspended_at"]:
        raise HTTPException(403, "This workspace is suspended.")
    return session


def answer(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_UTC_Z), status, media_type="application/json")


def page(rows: list[asyncpg.Record], limit: int, *order: str) -> Response:
    more = make_cursor(*(rows[limit - 1][column] for column in order)) if len(rows) > limit else None
    return answer({"items": [dict(row) for row in rows[:limit]], "next_cursor": more})


@app.get("/v1/auth/whoami")
async def whoami(key: Key) -> Response:
    of_key = {name: key[name] for name in ("id", "name", "prefix", "expires_at")}
    of_tenant = {name: key[name] for name in ("tenant_id", "tenant_name", "role")}
    return answer({"kind": "api_key", **of_tenant, "email": None, "key": of_key})


@app.get("/v1/auth/whoami-by-token")
async def whoami_by_token(session: Annotated[Any, Depends(get_session)]) -> Response:
    of_session = {name: session[name] for name in ("tenant_id", "tenant_name", "role", "email")}
    return answer({"kind": "user", **of_session, "key": None})


@app.get("/v1/events")
async def list_events(connection: Connection, key: Key, limit: Limit = 50, cursor: str | None = None) -> Response:
    statement, values = f"SELECT {EVENT} FROM memory_event WHERE tenant_id = $1", [key["tenant_id"], limit + 1]
    if cursor:
        moment, row_id = read_cursor(cursor)
        statement += " AND (occurred_at, id) < ($3, $4)"
        values += [datetime.fromisoformat(moment), row_id]
    rows = await connection.fetch(f"{statement} ORDER BY occurred_at DESC, id DESC LIMIT $2", *values)
    return page(rows, limit, "occurred_at", "id")


@app.post("/v1/events")
async def create_event(connection: Connection, key: Key, event: EventIn) -> Response:
    if key["role"] not in ("editor", "admin"):
        raise HTTPException(403, "This needs the role editor.")
    named = (event.event_type, event.content, event.user_id, event.agent_id, event.thread_id, event.occurred_at)
    row = await connection.fetchrow(INSERT, key["tenant_id"], uuid7(), datetime.now(UTC), key["id"], *named)
    return answer(dict(row), 201)


@app.get("/v1/beliefs")
async def list_beliefs(
    connection: Connection, key: Key, subject_id: str | None = None, limit: Limit = 50, cursor: str | None = None
) -> Response:
    statement = f"SELECT {BELIEF} FROM memory_belief WHERE tenant_id = $1 AND ended_at IS NULL"
    values: list[Any] = [key["tenant_id"], limit + 1]
    if subject_id is not None:
        values.append(subject_id)
        statement += f" AND subject_id = ${len(values)}"
    if cursor:
        values.append(read_cursor(cursor)[0])
        statement += f" AND id < ${len(values)}"
    return page(await connection.fetch(f"{statement} ORDER BY id DESC LIMIT $2", *values), limit, "id")
