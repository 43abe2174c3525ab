"""A fleet with a past: hosts really scanned on earlier days, and the days rolled up since."""

from datetime import datetime, timedelta

from portal.compliance import actions
from portal.fleet.models import Environment, Host
from tests.fleet import failed_scan, named, register, scan
from tests.recorded import without


def fleet_with_a_past(now: datetime, days: int = 100) -> list[Host]:
    """Three hosts of two teams, the first for so many days. It begins with a privileged container,
    which is mended for a time and comes back; the second is not there from the beginning; the last
    one cannot be read any more. Returns them in this order."""

    def ago(share: float) -> datetime:
        return now - timedelta(days=round(days * share), hours=1)

    good, bad = named("isolation_plain", "web"), named("privileged", "reports")
    first = register("prod-web-1", now=ago(1))
    scan(first, good, bad, named("cap_add_all", "vpn"), now=ago(1))
    scan(first, good, bad, now=ago(0.8))
    last = register("stage-1", environment=Environment.STAGING, owner="Data", now=ago(0.9))
    scan(last, good, named("pid_host", "exporter"), now=ago(0.9))
    scan(first, good, named("isolation_plain", "reports"), now=ago(0.6))
    second = register("prod-web-2", now=ago(0.5))
    scan(second, good, without(named("privileged", "db"), "privileged", "mounts"), now=ago(0.5))
    scan(first, good, bad, now=ago(0.2))
    for hosts in ((first, good, bad), (second, good, named("everything", "db"))):
        scan(*hosts, now=ago(0.05))
    failed_scan(last, now=ago(0.1))
    scan(first, good, bad, now=now - timedelta(minutes=30))
    while actions.roll_up_days(now=now):
        pass
    return [first, second, last]
