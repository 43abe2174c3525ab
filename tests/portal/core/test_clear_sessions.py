from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.core.tasks import clear_sessions

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]


def test_ended_sessions_go_and_others_stay_however_often_it_runs():
    now = timezone.now()
    Session.objects.create(session_key="ended", expire_date=now - timedelta(seconds=1))
    Session.objects.create(session_key="open", expire_date=now + timedelta(hours=1))
    clear_sessions()
    clear_sessions()
    assert [session.session_key for session in Session.objects.all()] == ["open"]
