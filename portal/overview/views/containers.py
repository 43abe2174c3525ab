"""One container."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal.core.http import page
from portal.fleet import queries as fleet
from portal.overview.queries import container as one


@require_safe
def container_detail(request: HttpRequest, container_id: int) -> HttpResponse:
    container = fleet.container(container_id)
    host = container.host
    about = one.about(container)
    context = {
        "container": container,
        "host": host,
        "state": fleet.state(host, timezone.now()),
        "about": about,
        "counts": about.counts,
        "list_query": about.query,
        "comparison": one.compare(about, request.GET.get("old", ""), request.GET.get("new", "")),
        "link": request.build_absolute_uri(request.path),
    }
    return page(request, "overview/container_detail", context)
