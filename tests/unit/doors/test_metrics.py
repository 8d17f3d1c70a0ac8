"""Counts of requests, and Prometheus's text of them."""

from prometheus_client.parser import text_string_to_metric_families

from certdesk.doors import metrics
from certdesk.doors.metrics import Figure, RequestMetrics, exposition, shared_memory


def _samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_requests_are_counted_by_method_status_and_route() -> None:
    """And their times by method and route, in cumulative buckets."""
    counts = RequestMetrics()
    counts.count("GET", 200, "/a", 0.0004)
    counts.count("GET", 200, "/a", 0.002)
    counts.count("GET", 404, "/a", 99.0)
    samples = _samples(exposition(counts, ()))
    assert samples["certdesk_http_requests_total", (("method", "GET"), ("route", "/a"), ("status", "200"))] == 2
    assert samples["certdesk_http_requests_total", (("method", "GET"), ("route", "/a"), ("status", "404"))] == 1

    def bucket(bound: str) -> float:
        return samples["certdesk_http_request_seconds_bucket", (("le", bound), ("method", "GET"), ("route", "/a"))]

    assert (bucket("0.0005"), bucket("0.0025"), bucket("5.0"), bucket("+Inf")) == (1, 2, 2, 3)
    assert samples["certdesk_http_request_seconds_count", (("method", "GET"), ("route", "/a"))] == 3
    assert round(samples["certdesk_http_request_seconds_sum", (("method", "GET"), ("route", "/a"))], 4) == 99.0024


def test_processes_are_shown_as_one() -> None:
    """Whichever process is asked shows the sum; one that starts again goes on counting where it was."""
    memory = shared_memory(2)
    RequestMetrics(memory, 0).count("GET", 200, "/a", 0.1)
    RequestMetrics(memory, 1).count("GET", 200, "/b", 0.1)
    again = RequestMetrics(memory, 1)
    again.count("GET", 200, "/a", 0.1)
    again.count("GET", 200, "/b", 0.1)
    samples = _samples(exposition(RequestMetrics(memory, 0), ()))
    assert samples["certdesk_http_requests_total", (("method", "GET"), ("route", "/a"), ("status", "200"))] == 2
    assert samples["certdesk_http_requests_total", (("method", "GET"), ("route", "/b"), ("status", "200"))] == 2


def test_more_series_than_there_is_room_for_are_counted_together() -> None:
    """Nothing is lost and nothing grows."""
    counts = RequestMetrics()
    for number in range(metrics._ROWS + 50):
        counts.count("GET", 200, f"/{number}", 0.1)
    values = [
        value for (name, _), value in _samples(exposition(counts, ())).items() if name == "certdesk_http_requests_total"
    ]
    assert len(values) == metrics._ROWS
    assert sum(values) == metrics._ROWS + 50


def test_figures_of_others_are_shown() -> None:
    """Gauges and counters, with labels."""
    figures = [
        Figure("certdesk_requests_waiting", "Requests that wait", 3),
        Figure("certdesk_jobs", "Jobs done", 5, counts=True, labels={"job": "crl"}),
        Figure("certdesk_jobs", "Jobs done", 7, counts=True, labels={"job": "seal"}),
    ]
    samples = _samples(exposition(RequestMetrics(), figures))
    assert samples["certdesk_requests_waiting", ()] == 3
    assert samples["certdesk_jobs_total", (("job", "crl"),)] == 5
    assert samples["certdesk_jobs_total", (("job", "seal"),)] == 7
