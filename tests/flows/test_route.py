from flows.route import ROUTE, TOPICS


def test_no_stage_reads_a_topic_that_it_or_a_later_stage_writes():
    written: set[str] = set()
    for arrow in ROUTE:
        assert not arrow.reads or arrow.reads in written
        assert arrow.writes not in written or not arrow.writes
        written.add(arrow.writes)


def test_every_topic_has_a_reader():
    assert {arrow.reads for arrow in ROUTE if arrow.reads} == set(TOPICS)
