"""What both FastAPI peers take and answer: Memgraph's JSON, by pydantic."""

import base64
import json
import os
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import jwt
from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class WhoamiKey(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    prefix: str
    expires_at: datetime | None


class Whoami(BaseModel):
    kind: str
    tenant_id: UUID
    tenant_name: str
    role: str
    email: str | None
    key: WhoamiKey | None


class EventIn(BaseModel):
    event_type: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    content: dict[str, Any]
    user_id: Name
    agent_id: Name | None = None
    thread_id: Name | None = None
    occurred_at: datetime = Field(default_factory=lambda: datetime.now(UTC))


class Written(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    written_by_key: UUID | None
    written_by_user: UUID | None


class EventOut(Written):
    event_type: str
    content: dict[str, Any]
    user_id: str
    agent_id: str | None
    thread_id: str | None
    occurred_at: datetime


class BeliefOut(Written):
    subject_id: str
    key: str
    value: str
    confidence: float
    belief_type: str
    domain: str | None
    status: str
    updated_at: datetime
    ended_at: datetime | None


class Events(BaseModel):
    items: list[EventOut]
    next_cursor: str | None


class Beliefs(BaseModel):
    items: list[BeliefOut]
    next_cursor: str | None


def make_cursor(*place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps([str(part) for part in place]).encode()).decode()


def read_cursor(cursor: str) -> list[str]:
    place: list[str] = json.loads(base64.urlsafe_b64decode(cursor))
    return place


def read_token(token: str) -> str:
    """Returns the session's id. 401 if the JWT is not valid."""
    try:
        claims = jwt.decode(token, os.environ["JWT_KEY"], algorithms=["HS256"], audience="memgraph", issuer="memgraph")
    except jwt.InvalidTokenError:
        raise HTTPException(401, "This token is not valid.") from None
    session_id: str = claims["jti"]
    return session_id
