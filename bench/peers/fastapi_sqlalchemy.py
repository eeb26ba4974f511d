"""FastAPI with SQLAlchemy's ORM over asyncpg: what most people would pick today.

Written as their documentation advises: a session per request by a dependency, `response_model`, `Mapped` columns.
"""

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException, Query, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from schemas import Beliefs, EventIn, EventOut, Events, Whoami, make_cursor, read_cursor, read_token
from sqlalchemy import URL, ForeignKey, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship
from uuid_utils.compat import uuid7

POOL = 20  # of each of two processes
url = URL.create("postgresql+asyncpg", "postgres", database="memgraph", query={"host": os.environ["DATABASE_SOCKETS"]})
engine = create_async_engine(url, pool_size=POOL, max_overflow=0)
databases = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSONB, datetime: TIMESTAMP(timezone=True)}


class Tenant(Base):
    __tablename__ = "tenants_tenant"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    suspended_at: Mapped[datetime | None]
    keys_frozen_at: Mapped[datetime | None]


class APIKey(Base):
    __tablename__ = "apikeys_apikey"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants_tenant.id"))
    digest: Mapped[bytes]
    role: Mapped[str]
    name: Mapped[str]
    prefix: Mapped[str]
    revoked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    tenant: Mapped[Tenant] = relationship()


class User(Base):
    __tablename__ = "accounts_user"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    role: Mapped[str]
    is_active: Mapped[bool]


class Session(Base):
    __tablename__ = "accounts_session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("accounts_user.id"))
    tenant_id: Mapped[UUID] = mapped_column(ForeignKey("tenants_tenant.id"))
    ended_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    user: Mapped[User] = relationship()
    tenant: Mapped[Tenant] = relationship()


class Event(Base):
    __tablename__ = "memory_event"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    event_type: Mapped[str]
    content: Mapped[dict[str, Any]]
    user_id: Mapped[str]
    agent_id: Mapped[str | None]
    thread_id: Mapped[str | None]
    occurred_at: Mapped[datetime]
    written_by_key: Mapped[UUID | None]
    written_by_user: Mapped[UUID | None]


class Belief(Base):
    __tablename__ = "memory_belief"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    subject_id: Mapped[str]
    key: Mapped[str]
    value: Mapped[str]
    confidence: Mapped[float]
    belief_type: Mapped[str]
    domain: Mapped[str | None]
    status: Mapped[str]
    written_by_key: Mapped[UUID | None]
    written_by_user: Mapped[UUID | None]


async def get_database() -> AsyncIterator[AsyncSession]:
    async with databases() as database:
        yield database


Database = Annotated[AsyncSession, Depends(get_database)]
Limit = Annotated[int, Query(ge=1, le=200)]


async def get_key(database: Database, plaintext: Annotated[str, Security(APIKeyHeader(name="X-API-KEY"))]) -> APIKey:
    digest = hashlib.sha256(plaintext.encode()).digest()
    key = await database.scalar(select(APIKey).options(joinedload(APIKey.tenant)).where(APIKey.digest == digest))
    now = datetime.now(UTC)
    if key is None or key.revoked_at or (key.expires_at and key.expires_at <= now) or key.tenant.keys_frozen_at:
        raise HTTPException(401, "This key is not valid.")
    if key.tenant.suspended_at:
        raise HTTPException(403, "This workspace is suspended.")
    return key


Key = Annotated[APIKey, Depends(get_key)]


@app.get("/v1/auth/whoami", response_model=Whoami)
async def whoami(key: Key) -> dict[str, Any]:
    of_tenant = {"tenant_id": key.tenant_id, "tenant_name": key.tenant.name, "role": key.role}
    return {"kind": "api_key", **of_tenant, "email": None, "key": key}


async def get_session(
    database: Database, bearer: Annotated[HTTPAuthorizationCredentials, Security(HTTPBearer())]
) -> Session:
    of_session = joinedload(Session.user), joinedload(Session.tenant)
    found = select(Session).options(*of_session).where(Session.id == UUID(read_token(bearer.credentials)))
    session = await database.scalar(found)
    if session is None or session.ended_at or session.expires_at <= datetime.now(UTC) or not session.user.is_active:
        raise HTTPException(401, "This session has ended.")
    if session.tenant.suspended_at:
        raise HTTPException(403, "This workspace is suspended.")
    return session


@app.get("/v1/auth/whoami-by-token", response_model=Whoami)
async def whoami_by_token(session: Annotated[Session, Depends(get_session)]) -> dict[str, Any]:
    of_tenant = {"tenant_id": session.tenant_id, "tenant_name": session.tenant.name}
    return {"kind": "user", **of_tenant, "role": session.user.role, "email": session.user.email, "key": None}


@app.get("/v1/events", response_model=Events)
async def list_events(database: Database, key: Key, limit: Limit = 50, cursor: str | None = None) -> dict[str, Any]:
    query = select(Event).where(Event.tenant_id == key.tenant_id)
    if cursor:
        moment, row_id = read_cursor(cursor)
        query = query.where(tuple_(Event.occurred_at, Event.id) < (datetime.fromisoformat(moment), UUID(row_id)))
    query = query.order_by(Event.occurred_at.desc(), Event.id.desc()).limit(limit + 1)
    rows = (await database.scalars(query)).all()
    more = make_cursor(rows[limit - 1].occurred_at, rows[limit - 1].id) if len(rows) > limit else None
    return {"items": rows[:limit], "next_cursor": more}


@app.post("/v1/events", response_model=EventOut, status_code=201)
async def create_event(database: Database, key: Key, event: EventIn) -> Event:
    if key.role not in ("editor", "admin"):
        raise HTTPException(403, "This needs the role editor.")
    row = Event(**event.model_dump(), tenant_id=key.tenant_id, written_by_key=key.id)
    database.add(row)
    await database.commit()
    return row


@app.get("/v1/beliefs", response_model=Beliefs)
async def list_beliefs(
    database: Database, key: Key, subject_id: str | None = None, limit: Limit = 50, cursor: str | None = None
) -> dict[str, Any]:
    query = select(Belief).where(Belief.tenant_id == key.tenant_id, Belief.ended_at.is_(None))
    if subject_id is not None:
        query = query.where(Belief.subject_id == subject_id)
    if cursor:
        query = query.where(Belief.id < UUID(read_cursor(cursor)[0]))
    rows = (await database.scalars(query.order_by(Belief.id.desc()).limit(limit + 1))).all()
    more = make_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return {"items": rows[:limit], "next_cursor": more}
