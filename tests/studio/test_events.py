import re
from datetime import UTC, datetime
from html import unescape

import pytest

from accounts.models import User
from tenants.models import Role, Tenant
from tests.factories import client_for, key_client, make_event, make_key, make_user
from tests.studio.browsing import browser
from tests.studio.names import HOSTILE, MARKUP

pytestmark = pytest.mark.django_db(transaction=True)
OLDER = re.compile(r'href="([^"]+)">(?:Older|Earlier)<')


def page(user: User, path: str, **query: str) -> str:
    response = browser(user).get(path, query)
    assert response.status_code == 200
    return str(response.content.decode())


def texts(content: str) -> list[str]:
    return re.findall(r"text \d+", content)


@pytest.fixture
def told(acme: Tenant) -> None:
    for number, fields in enumerate(
        [
            {"user_id": "ada", "thread_id": "t", "occurred_at": datetime(2026, 1, 1, tzinfo=UTC)},
            {
                "user_id": "ada",
                "agent_id": "bot",
                "event_type": "tool_call",
                "occurred_at": datetime(2026, 1, 2, tzinfo=UTC),
            },
            {"user_id": "bob", "occurred_at": datetime(2026, 1, 3, tzinfo=UTC)},
        ]
    ):
        make_event(acme, content={"text": f"text {number}"}, **fields)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "210"),
        ({"user_id": "ada"}, "10"),
        ({"user_id": "Ada"}, ""),
        ({"agent_id": "bot"}, "1"),
        ({"event_type": "tool_call", "user_id": "ada"}, "1"),
        ({"thread_id": "t"}, "0"),
        ({"since": "2026-01-02T00:00"}, "21"),
        ({"until": "2026-01-02T00:00"}, "0"),
        ({"user_id": "", "since": "", "nonsense": "x"}, "210"),
    ],
)
def test_filters(query: dict[str, str], found: str, acme_viewer: User) -> None:
    content = page(acme_viewer, "/studio/events", **query)
    assert texts(content) == [f"text {number}" for number in found]
    assert ("No matching events" in content) == (not found)


def test_events_of_one_key_with_its_name(acme: Tenant, acme_admin: User, acme_viewer: User) -> None:
    key, plaintext = make_key(acme, name="the <b>agent</b>")
    client = key_client(acme)
    client.credentials(HTTP_X_API_KEY=plaintext)
    made = client.post("/v1/events", {"event_type": "x", "user_id": "ada", "content": {"text": "text 1"}}).json()
    make_event(acme, content={"text": "text 2"})
    seen_by_admin = page(acme_admin, "/studio/events", written_by_key=str(key.id))
    seen_by_viewer = page(acme_viewer, "/studio/events", written_by_key=str(key.id))
    for content in (seen_by_admin, seen_by_viewer):
        assert texts(content) == ["text 1"]
        assert "the &lt;b&gt;agent&lt;/b&gt;" in content
    assert f'href="/studio/keys/{key.id}"' in seen_by_admin
    assert "/studio/keys" not in seen_by_viewer
    assert f'name="written_by_key" value="{key.id}"' in seen_by_viewer
    for user, linked in ((acme_admin, True), (acme_viewer, False)):
        assert (f'href="/studio/keys/{key.id}"' in page(user, f"/studio/events/{made['id']}")) == linked


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ({"since": "yesterday"}, "Since"),
        ({"written_by_key": "x"}, "Written by key"),
        ({"user_id": "\0"}, "End user"),
        ({"thread_id": "x" * 256}, "Thread"),
        ({"cursor": "x"}, "Page"),
    ],
)
def test_a_bad_filter_is_said(query: dict[str, str], label: str, acme_viewer: User) -> None:
    response = browser(acme_viewer).get("/studio/events", query)
    assert response.status_code == 422
    assert f"<strong>{label}</strong>:" in response.content.decode()


@pytest.mark.parametrize("query", [{"user_id": "ada"}, {"user_id": "ada", "thread_id": "t"}])
def test_older_events_are_behind_a_link_that_keeps_the_filters(
    query: dict[str, str], acme: Tenant, acme_viewer: User
) -> None:
    for number in range(60):
        make_event(acme, content={"text": f"text {number}"}, thread_id="t")
        make_event(acme, user_id="bob", content={"text": "other"}, thread_id="t")
    newest = page(acme_viewer, "/studio/events", **query)
    (link,) = OLDER.findall(newest)
    oldest = page(acme_viewer, "/studio/events" + unescape(link))
    numbers = [f"text {number}" for number in range(60)]
    assert sorted(texts(newest) + texts(oldest)) == sorted(numbers)
    assert not OLDER.findall(oldest)
    assert "other" not in newest + oldest


def test_a_thread_is_a_conversation(acme: Tenant, acme_viewer: User) -> None:
    make_event(acme, content={"text": "text 1\nand more"}, thread_id="t")
    make_event(acme, event_type="agent_response", agent_id="bot", content={"text": "text 2"}, thread_id="t")
    make_event(acme, event_type="tool_call", content={"tool": "text 3"}, thread_id="t")
    content = page(acme_viewer, "/studio/events", thread_id="t")
    assert texts(content) == ["text 1", "text 2", "text 3"]
    assert re.findall(r'<li( class="mine")?>\n', content) == [' class="mine"', "", ""]
    assert "agent_response · " in content
    assert "{&quot;tool&quot;: &quot;text 3&quot;}" in content


def test_an_empty_workspace_is_told_what_to_do(acme_viewer: User) -> None:
    assert "POST /v1/events" in page(acme_viewer, "/studio/events")


def test_one_event_with_all_its_fields(acme: Tenant, acme_viewer: User) -> None:
    event = make_event(acme, content={"text": "a\nb", "é": {"n": [1, 2]}}, agent_id="bot", thread_id="t/1")
    content = page(acme_viewer, f"/studio/events/{event.id}")
    for shown in ("user_message", "bot", str(event.id), 'href="/studio/events?thread_id=t%2F1"', "/studio/user?id=ada"):
        assert shown in content
    assert '<p class="words" dir="auto">a\nb</p>' in content
    assert "&quot;é&quot;: {\n    &quot;n&quot;: [\n" in content


def test_text_that_is_no_text(acme: Tenant, acme_viewer: User) -> None:
    event = make_event(acme, content={"text": {"a": [1]}})
    assert "text-title" not in page(acme_viewer, f"/studio/events/{event.id}")
    assert "{&quot;a&quot;: [1]}" in page(acme_viewer, "/studio/events")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_hostile_names_are_inert(name: str, acme: Tenant, acme_viewer: User) -> None:
    event = make_event(
        acme, user_id=name, thread_id=name, agent_id=name, event_type=name[:64], content={"text": name, name: name}
    )
    for path, query in (
        ("/studio/events", {}),
        ("/studio/events", {"user_id": name}),
        ("/studio/events", {"thread_id": name}),
        (f"/studio/events/{event.id}", {}),
    ):
        content = page(acme_viewer, path, **query)
        assert str(event.id) in content
        assert MARKUP not in content
        assert "<img src=x" not in content
        assert "onerror=alert(2)>" not in content


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_links_lead_to_the_very_name(name: str, acme: Tenant, acme_viewer: User) -> None:
    make_event(acme, user_id=name, thread_id=name)
    content = page(acme_viewer, "/studio/events")
    (thread,) = {unescape(link) for link in re.findall(r'href="(/studio/events\?thread_id=[^"]+)"', content)}
    (user,) = {unescape(link) for link in re.findall(r'href="(/studio/user\?id=[^"]+)"', content)}
    client = browser(acme_viewer)
    assert '<ol class="chat">' in client.get(thread).content.decode()
    assert "<dt>Events</dt><dd>1</dd>" in client.get(user).content.decode()


def test_another_workspace_sees_nothing(acme: Tenant, globex_admin: User) -> None:
    make_event(acme, content={"text": "text 1"}, thread_id="t")
    for query in ({}, {"user_id": "ada"}, {"thread_id": "t"}):
        assert not texts(page(globex_admin, "/studio/events", **query))


def test_who_was_removed_is_a_former_member(acme: Tenant, acme_viewer: User) -> None:
    person = make_user(acme, Role.EDITOR, full_name="Grace Hopper")
    client_for(person).post("/v1/events", {"event_type": "x", "user_id": "ada", "content": {}})
    assert "Grace Hopper" in page(acme_viewer, "/studio/events")
    person.sessions.all().delete()
    person.delete()
    assert "A former member" in page(acme_viewer, "/studio/events")


def test_a_thread_of_several_users_says_whose_each_event_is(acme: Tenant, acme_viewer: User) -> None:
    for user_id in ("ada", "bob"):
        make_event(acme, user_id=user_id, event_type="tool_call", thread_id="t")
    assert page(acme_viewer, "/studio/events", thread_id="t").count("/studio/user?id=") == 2
    make_event(acme, event_type="tool_call", thread_id="of one")
    assert "/studio/user?id=" not in page(acme_viewer, "/studio/events", thread_id="of one")
