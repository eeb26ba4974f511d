from datetime import timedelta

import pytest
from django.utils import timezone

from studio.field_errors import in_plain_words
from studio.plurals import counted_all
from studio.templatetags.studio import ago


@pytest.mark.parametrize(
    ("made_for", "said"),
    [
        (timedelta(minutes=100), "in 2 hours"),
        (timedelta(hours=13), "in 13 hours"),
        (timedelta(hours=24), "in 1 day"),
        (timedelta(hours=72), "in 3 days"),
        (timedelta(days=30), "in 30 days"),
        (timedelta(days=60), "in 60 days"),
        (timedelta(days=90), "in 3 months"),
        (timedelta(days=365), "in 1 year"),
        (timedelta(days=730), "in 2 years"),
        (timedelta(seconds=30), "in a moment"),
        (timedelta(seconds=-30), "just now"),
        (timedelta(minutes=-8), "8 minutes ago"),
    ],
    ids=str,
)
def test_a_moment_later_it_still_says_what_it_was_made_for(made_for: timedelta, said: str) -> None:
    assert f">{said}</time>" in ago(timezone.now() + made_for - timedelta(seconds=5))


@pytest.mark.parametrize(
    ("sentence", "plain"),
    [
        ("This field may not be blank.", "Fill in this field."),
        ("This field is required.", "Fill in this field."),
        ("Ensure this value is less than or equal to 36500.", "At most 36,500."),
        ("Ensure this value is greater than or equal to 0.5.", "At least 0.5."),
        ("Datetime has wrong format. Use one of these formats instead: YYYY.", "Enter a valid date."),
        ('"a\n{0}" is not a valid choice.', "Choose one of the options."),
        ("This is not a cursor of this list.", "This page of the list no longer exists. Go to the first page."),
        ("Choose a file.", "Choose a file."),
    ],
)
def test_the_frameworks_words_are_put_plainly(sentence: str, plain: str) -> None:
    assert in_plain_words(sentence) == plain


def test_what_there_is_none_of_is_left_out() -> None:
    assert counted_all({"event": 1, "belief": 0, "episode": 1200}) == "1 event, 1,200 episodes"
    assert counted_all({"event": 0}) == "nothing"
