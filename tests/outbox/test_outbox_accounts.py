"""Whatever happens in whatever order: every seq is delivered, replaced, parked, dropped or still waiting, just once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import SystemClock
from edge.outbox import Limits, Outbox, read_events
from tests.support.events import event

PUT = st.tuples(st.just("put"), st.sampled_from(["new", "update", "update", "update", "end"]), st.sampled_from("abc"))
STEP = st.one_of(
    PUT,
    PUT,
    st.tuples(st.just("send"), st.integers(1, 4), st.just("")),
    st.tuples(st.just("ack"), st.integers(1, 4), st.just("")),
    st.tuples(st.just("refuse"), st.just(1), st.just("")),
    st.tuples(st.just("reconnect"), st.just(0), st.just("")),
    st.tuples(st.just("restart"), st.just(0), st.just("")),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEP, max_size=30), bound=st.sampled_from([4, 1000]))
def test_every_seq_is_accounted_for_exactly_once(steps: list[tuple[str, object, str]], bound: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _play(Path(folder), steps, Limits(messages=bound))


def _play(folder: Path, steps: list[tuple[str, object, str]], limits: Limits) -> None:
    boots = 0
    puts: dict[str, int] = {}
    told: dict[tuple[str, int], str] = {}  # what the wire has confirmed, and what that message stood for
    box = Outbox(folder, "bar", ["mqtt"], SystemClock(), limits, boot_id="boot0")
    wire: list = []  # type: ignore[type-arg]
    last = 0
    for what, number, name in steps:
        if what == "put":
            box.put(event(number, name))  # type: ignore[arg-type]
            puts[box.boot_id] = puts.get(box.boot_id, 0) + 1
            assert box.flush(5)
        elif what == "send":
            wire += (found := box.pending("mqtt", int(number), last))  # type: ignore[call-overload]
            last = max([last, *(m.id for m in found)])
        elif what == "ack" and wire:
            done, wire = wire[: int(number)], wire[int(number) :]  # type: ignore[call-overload]
            for message in done:
                boot = message.payload["boot_id"]
                for seq, state in ((message.payload["seq"], "delivered"), *((s, "replaced") for s in message.replaces)):
                    assert told.setdefault((boot, seq), state) == state
            box.delivered("mqtt", [m.id for m in done])
        elif what == "refuse" and wire and box.refused("mqtt", wire[0].id, "no"):
            wire.pop(0)
        elif what == "reconnect":
            wire, last = [], 0
        elif what == "restart":
            box.close()
            boots += 1
            wire, last = [], 0
            box = Outbox(folder, "bar", ["mqtt"], SystemClock(), limits, boot_id=f"boot{boots}")
    assert box.flush(5)
    stats = box.stats().sinks["mqtt"]
    box.close()

    events = read_events(folder, 1000)
    states = {(e["boot_id"], e["seq"]): e["state"] for e in events}
    assert set(states) == {(boot, seq) for boot, count in puts.items() for seq in range(1, count + 1)}
    for key, state in told.items():
        assert states[key] == state
    dropped = {(b, s) for b, runs in stats.dropped_seqs.items() for first, end in runs for s in range(first, end + 1)}
    assert dropped == {key for key, state in states.items() if state == "dropped"}
    assert stats.dropped == len(dropped)
    assert stats.depth == sum(state == "pending" for state in states.values())
    assert stats.parked == sum(state == "parked" for state in states.values())
    # What was replaced has a successor of the same boot that was not replaced itself.
    for e in events:
        if e["state"] == "replaced":
            assert states[e["boot_id"], e["replaced_by"]] in {"pending", "delivered", "parked"}
        if e["type"] != "update":
            assert e["state"] != "replaced"
