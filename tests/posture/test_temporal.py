from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.engines import registry
from edge.engines.base import EngineOptions
from edge.engines.links import Link
from edge.errors import EngineError, MissingError
from edge.judging import FILE, network_or_none, open_network
from edge.posture import Person
from edge.posture.geometry import Body as Measures
from edge.posture.learned import LearnedFalls
from edge.posture.settings import PostureSettings
from edge.posture.temporal import JOINTS, RATE, STEPS, Chances, Judge, Window
from edge.posture.verdict import JudgeName, Verdict
from edge.types import F32, NO_JOINTS, Activity, Pose
from tests.support.figures import joints

SIZE = (640, 480)
STANDS = Measures(480).measure(joints((300, 440), 200.0), 0.0)


def walks_then_falls(time: float, onset: float = 3.0, seconds: float = 0.7) -> F32:
    part = min(max((time - onset) / seconds, 0.0), 1.0)
    return joints((120 + 60 * min(time, onset), 440.0), 200.0, 88 * part * part)


def shown(
    person: Person, seconds: float, hz: float = 15.0, onset: float = 3.0, fall_s: float = 0.7
) -> list[tuple[float, bool]]:
    """Times and whether a confirmed fall is told."""
    told = []
    for step in range(int(seconds * hz)):
        time = step / hz
        activity = person.look(Pose(walks_then_falls(time, onset, fall_s), 0.9), time).activity
        told.append((time, activity is not None and activity.kind == "fall" and activity.confirmed))
    return told


@pytest.fixture(scope="module")
def network() -> Judge:
    found = network_or_none()
    if found is None:
        pytest.skip("no engine runs the network here")
    return found


@settings(max_examples=30, deadline=None)
@given(
    scale=st.floats(0.2, 5), x=st.floats(-500, 500), y=st.floats(-500, 500), hz=st.sampled_from([5.0, 10.0, 15.0, 30.0])
)
def test_a_window_is_the_same_however_large_and_wherever_somebody_is(
    scale: float, x: float, y: float, hz: float
) -> None:
    here, there = Window(), Window()
    for step in range(int(4 * hz)):
        found = walks_then_falls(step / hz, 2.0)
        moved = np.column_stack([found[:, :2] * scale + (x, y), found[:, 2]]).astype(np.float32)
        here.add(found, step / hz)
        there.add(moved, step / hz)
    fed = here.fed(200)
    assert fed.shape == (1, 3, JOINTS, STEPS)
    moved = there.fed(200 * scale).copy()
    moved[0, :2] -= np.array([x, y], np.float32).reshape(2, 1, 1) / (200 * scale)
    np.testing.assert_allclose(moved, fed, atol=2e-3)


def test_the_grid_does_not_depend_on_the_rate_of_looks() -> None:
    slow, fast = Window(), Window()
    counts = [0, 0]
    for window, hz, place in ((slow, 5, 0), (fast, 30, 1)):
        for step in range(4 * hz + 1):
            time = step / hz
            flat = joints((100 + 50 * time, 440.0), 200.0)
            counts[place] += window.add(flat, time)
    assert counts[0] == counts[1] == 41
    np.testing.assert_allclose(slow.fed(200), fast.fed(200), atol=1e-3)


def hinged(time: float) -> F32:
    """Stands still for two seconds and leans ever farther then, joints in a straight line each."""
    up, over = joints((300, 440), 200.0), joints((300, 440), 200.0, 60)
    return np.asarray(up + (over - up) * max(time - 2.0, 0.0) / 2, np.float32)


@settings(max_examples=25, deadline=None)
@given(looks=st.sets(st.integers(1, 399), min_size=2, max_size=120))
def test_looks_at_odd_times_are_put_onto_the_grid(looks: set[int]) -> None:
    """Whenever somebody is looked at, the window holds where they were at each tenth of a second."""
    even, odd = Window(), Window()
    for step in range(41):
        even.add(hinged(step / 10), step / 10)
    steps = sum(odd.add(hinged(at / 100), at / 100) for at in sorted(looks | {0, 100, 200, 300, 400}))
    assert steps == 41
    np.testing.assert_allclose(odd.fed(200), even.fed(200), atol=2e-3)


def test_a_joint_that_is_not_there_stays_where_it_was_and_nothing_is_no_number() -> None:
    window = Window()
    whole = walks_then_falls(0.0)
    window.add(whole, 0.0)
    legless = whole.copy()
    legless[13:] = (np.nan, np.nan, 0)
    for step in range(1, STEPS + 10):
        window.add(legless, step / RATE)
    x, y, scores = window.fed(200)[0]
    assert np.isfinite((x, y, scores)).all()
    assert not scores[13:].any()
    np.testing.assert_allclose(y[13:, -1], whole[13:, 1] / 200, atol=1e-4)
    fresh = Window()
    fresh.add(legless, 0.0)
    np.testing.assert_allclose(fresh.fed(200)[0, 1, 13:, -1], legless[:13, 1].mean() / 200, atol=1e-4)
    empty = Window()
    assert empty.add(NO_JOINTS, 0.0) == 0, "it begins with whom it sees"
    assert empty.add(whole, 1.0) == 1
    assert empty.fed(200)[0, 0].min() > 0


def test_a_long_gap_begins_a_new_window_and_time_that_stands_still_adds_nothing() -> None:
    window = Window()
    assert window.add(walks_then_falls(0.0), 0.0) == 1
    assert window.add(walks_then_falls(0.0), 0.0) == 0
    assert window.add(walks_then_falls(0.0), 60.0) == 1
    assert not window.fed(200)[0, 2, :, :-1].any()
    assert window.begun == 60.0


def test_time_that_goes_back_changes_nothing() -> None:
    window = Window()
    for step in range(20):
        window.add(walks_then_falls(step / 10), step / 10)
    before = window.fed(200).copy()
    assert window.add(walks_then_falls(5.0), 1.0) == 0
    np.testing.assert_array_equal(window.fed(200), before)
    assert window.add(walks_then_falls(2.0), 2.0) == 1


@pytest.mark.parametrize(("gap_s", "anew"), [(STEPS / RATE - 0.1, False), (STEPS / RATE + 0.1, True)])
def test_a_gap_as_long_as_a_window_begins_it_anew_and_a_shorter_one_is_filled(gap_s: float, anew: bool) -> None:
    window = Window()
    window.add(joints((100, 440), 200), 0.0)
    steps = window.add(joints((300, 440), 200), gap_s)
    ankles = window.fed(200)[0, 0, 15]
    assert (steps == 1) is anew
    assert bool(np.ptp(ankles) == 0) is anew
    assert (window.begun == 0) is not anew


def test_a_joint_without_a_score_that_is_a_number_is_not_there() -> None:
    window = Window()
    whole = joints((300, 440), 200)
    window.add(whole, 0.0)
    broken = whole.copy()
    broken[9] = (900, 900, np.inf)
    window.add(broken, 0.1)
    x, _, scores = window.fed(200)[0]
    assert np.isfinite(scores).all()
    assert scores[9, -1] == 0
    assert x[9, -1] == pytest.approx(whole[9, 0] / 200)


def test_who_has_no_stature_yet_is_measured_in_pixels() -> None:
    window = Window()
    window.add(joints((300, 440), 200), 0.0)
    np.testing.assert_array_equal(window.fed(0.0), window.fed(1.0))


def test_a_fall_began_when_the_shoulders_left_their_height() -> None:
    """They sway by a tenth of that before, and the hips have come down a while ago."""
    window = Window()
    for step in range(36):
        body = joints((300, 440), 200)
        body[5:7, 1] += 200 * (0.05 if step % 2 else 0.0) if step <= 20 else 200 * 0.03 * (step - 20)
        body[11:13, 1] += 200 * 0.5 if step > 5 else 0.0
        window.add(body, step / 10)
    assert window.onset(200) == pytest.approx(2.2)


def test_the_network_finds_a_fall_and_says_when_it_began(network: Judge) -> None:
    told = shown(Person(SIZE, judge="network", network=network), 8)
    first = next(time for time, sure in told if sure)
    assert 3.5 < first < 5.5
    person = Person(SIZE, judge="network", network=network)
    activity = None
    for step in range(100):
        activity = person.look(Pose(walks_then_falls(step / 15), 0.9), step / 15).activity
    assert activity is not None
    assert activity.since == pytest.approx(3.2, abs=0.4)


@pytest.mark.parametrize("seconds", [4.0, 6.0])
def test_the_network_tells_slow_lying_down_from_a_fall(network: Judge, seconds: float) -> None:
    assert not any(sure for _, sure in shown(Person(SIZE, judge="network", network=network), 12, fall_s=seconds))


def test_every_engine_that_is_here_tells_the_same() -> None:
    window = Window()
    for step in range(40):
        window.add(walks_then_falls(step / 10, 2.5), step / 10)
    found = []
    for name in ("onnxruntime", "openvino", "reference"):
        if registry.probe(name).available:
            found.append(open_network(engine=name, options=EngineOptions(threads=1))(window.fed(200)))
    assert len(found) > 1
    for one in found[1:]:
        assert one == pytest.approx(found[0], abs=1e-3)


def test_the_packaged_file_is_small() -> None:
    assert FILE.stat().st_size <= 12_000


class Says:
    """A judge that says what it is told to, at its n-th call."""

    def __init__(self, *chances: tuple[float, float]) -> None:
        self.chances, self.calls = chances, 0

    def __call__(self, window: F32) -> Chances:
        self.calls += 1
        return Chances(*self.chances[min(self.calls, len(self.chances)) - 1])


def looked(falls: LearnedFalls, count: int, *, resting: bool = False) -> list[tuple[bool, bool]]:
    """Whether a fall was told and confirmed at each of ten looks a second."""
    told = []
    for step in range(count):
        found = falls.look(walks_then_falls(step / 10), 200, step / 10, resting=resting)
        told.append((found is not None, found is not None and found.confirmed))
    return told


def test_one_window_with_a_fall_is_none_and_two_are() -> None:
    assert not any(told for told, _ in looked(LearnedFalls(Says((0.9, 0.9), (0.1, 0.9)), PostureSettings()), 20))
    assert looked(LearnedFalls(Says((0.9, 0.9)), PostureSettings()), 20)[-1] == (True, True)


def test_who_gets_up_at_once_has_not_fallen_and_who_gets_up_later_has_got_up() -> None:
    quick = looked(LearnedFalls(Says((0.9, 0.1), (0.9, 0.1), (0.2, 0.1)), PostureSettings()), 30)
    assert any(told for told, _ in quick)
    assert not any(sure for _, sure in quick)
    later = LearnedFalls(Says(*[(0.9, 0.9)] * 20, (0.1, 0.1)), PostureSettings())
    told = looked(later, 60)
    assert told[25][1]
    assert told[-1] == (False, False)
    assert not later.undecided


def test_a_window_counts_from_seven_chances_in_ten_on() -> None:
    for chance, counts in ((0.65, False), (0.75, True)):
        told = looked(LearnedFalls(Says((chance, 0.9)), PostureSettings()), 20)
        assert any(one for one, _ in told) is counts


def test_a_fall_is_sure_half_a_second_after_the_network_told_it() -> None:
    told = looked(LearnedFalls(Says((0.9, 0.9)), PostureSettings()), 20)
    begun, sure = [one for one, _ in told].index(True), [one for _, one in told].index(True)
    assert sure - begun == 5


@pytest.mark.parametrize(("up_s", "fell"), [(0.6, True), (1.1, False)])
def test_who_is_up_for_a_moment_may_have_fallen_and_for_a_second_has_not(up_s: float, fell: bool) -> None:
    up = [(0.2, 0.1)] * round(up_s * 10)
    told = looked(LearnedFalls(Says((0.9, 0.1), (0.9, 0.1), *up, (0.2, 0.9)), PostureSettings()), 40)
    assert any(one for one, _ in told)
    assert any(sure for _, sure in told) is fell


@pytest.mark.parametrize(("lies", "sure"), [(0.4, False), (0.6, True)])
def test_who_lies_with_even_odds_lies(lies: float, sure: bool) -> None:
    told = looked(LearnedFalls(Says((0.9, lies)), PostureSettings()), 20)
    assert any(one for _, one in told) is sure


@pytest.mark.parametrize(("lies", "up"), [(0.25, True), (0.35, False)])
def test_who_hardly_lies_is_up(lies: float, up: bool) -> None:
    told = looked(LearnedFalls(Says(*[(0.9, 0.9)] * 20, (0.1, lies)), PostureSettings()), 60)
    assert told[25][1]
    assert (told[-1] == (False, False)) is up


@pytest.mark.parametrize(("lows", "sure"), [((0.9, 0.9, 0.9, 0.9, 0.4), True), ((0.9, 0.4), False)])
def test_who_has_lain_for_most_of_the_time_since_is_sure(lows: tuple[float, ...], sure: bool) -> None:
    told = looked(LearnedFalls(Says((0.9, 0.9), *[(0.9, low) for low in lows] * 10), PostureSettings()), 40)
    assert any(one for _, one in told) is sure


def test_who_does_not_lie_for_long_after_a_fall_has_begun_has_not_fallen() -> None:
    late = [(0.1, 0.4)] * round(10 * PostureSettings().decide_s + 5)
    told = looked(LearnedFalls(Says((0.9, 0.4), (0.9, 0.4), *late, (0.1, 0.9)), PostureSettings()), 90)
    assert any(one for one, _ in told)
    assert not any(sure for _, sure in told)
    assert told[-1] == (False, False)


def test_who_falls_into_a_place_to_rest_only_lies_there() -> None:
    falls = LearnedFalls(Says((0.9, 0.9)), PostureSettings())
    assert looked(falls, 4)[-1] == (True, False)
    found = [falls.look(walks_then_falls(step / 10), 200, step / 10, resting=True) for step in range(4, 30)]
    assert found[0] is None
    assert not any(found)


def test_in_a_place_to_rest_nobody_falls() -> None:
    assert not any(told for told, _ in looked(LearnedFalls(Says((0.9, 0.9)), PostureSettings()), 20, resting=True))


def test_an_engine_that_fails_leaves_the_rules_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def broken(window: F32) -> Chances:
        raise EngineError("the stick was pulled")

    told = shown(Person(SIZE, judge="both", network=broken), 8)
    assert shown(Person(SIZE, judge="both", network=broken), 8) == told, "the next person is no news"
    alone = shown(Person(SIZE), 8)
    assert told == alone
    assert any(sure for _, sure in told)
    assert caplog.text.count("the stick was pulled") == 1


@pytest.mark.parametrize("judge", ["both", "network"])
def test_a_fall_that_is_sure_outlasts_the_engine_and_ends_when_they_are_up(judge: JudgeName) -> None:
    says = Says((0.95, 0.9))

    def pulled(window: F32) -> Chances:
        if says.calls > 30:
            raise EngineError("the stick was pulled")
        return says(window)

    verdict = Verdict(PostureSettings(), judge, pulled)
    told = []
    for step in range(100):
        shape = replace(STANDS, shoulders=0.78 if step >= 70 else 0.1)
        told.append(verdict.look(shape, walks_then_falls(step / 10), 200, step / 10, resting=False, at_edge=False))
    before, after = told[29], told[60]
    assert before is not None
    assert before.confirmed
    assert after == before
    assert told[85] is None


def test_both_tell_of_a_fall_that_only_one_sees_and_its_onset_stays() -> None:
    verdict = Verdict(PostureSettings(), "both", Says((0.95, 0.9)))
    unsure = Verdict(PostureSettings(), "both", Says((0.8, 0.9)))
    sinces = set()
    for step in range(40):
        given = (None, walks_then_falls(step / 10), 200.0, step / 10)
        found = verdict.look(*given, resting=False, at_edge=False)
        assert unsure.look(*given, resting=False, at_edge=False) is None or step < 20
        if found is not None:
            sinces.add(found.since)
    assert found is not None
    assert found.confirmed
    assert len(sinces) == 1


class Tells:
    """The rules, or the network's watch, that tell one thing."""

    undecided, works, chances = False, True, Chances(0.95, 0.5)

    def __init__(self, activity: Activity | None) -> None:
        self.activity = activity

    def knows(self, onset: float) -> bool:
        return True

    def look(self, *_: object, **__: object) -> Activity | None:
        return self.activity


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_who_tell_of_a_fall_at_once_the_earlier_onset_and_the_surer_score_count(
    monkeypatch: pytest.MonkeyPatch, swapped: bool
) -> None:
    ruled, learned = Tells(Activity("fall", 0.6, 2.5, 3.0)), Tells(Activity("fall", 0.8, 3.0, 3.0))
    if swapped:
        ruled, learned = learned, ruled
    monkeypatch.setattr("edge.posture.verdict.Falls", lambda *_: ruled)
    monkeypatch.setattr("edge.posture.verdict.LearnedFalls", lambda *_: learned)
    verdict = Verdict(PostureSettings(), "both", Says((0.5, 0.5)))
    told = [verdict.look(None, NO_JOINTS, 200, time, resting=False, at_edge=False) for time in (3.0, 3.1)]
    assert told == [Activity("fall", 0.8, 2.5, 3.0)] * 2
    ruled.activity, learned.activity = Activity("fall", 0.9, 1.0), None
    assert verdict.look(None, NO_JOINTS, 200, 3.2, resting=False, at_edge=False) == Activity("fall", 0.9, 2.5, 3.0)


def test_the_network_alone_tells_of_no_fall_before_it_is_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    ruled, learned = Tells(None), Tells(Activity("fall", 0.8, 3.0))
    monkeypatch.setattr("edge.posture.verdict.Falls", lambda *_: ruled)
    monkeypatch.setattr("edge.posture.verdict.LearnedFalls", lambda *_: learned)
    verdict = Verdict(PostureSettings(), "both", Says((0.5, 0.5)))
    assert verdict.look(None, NO_JOINTS, 200, 3.0, resting=False, at_edge=False) is None
    learned.activity = Activity("fall", 0.8, 3.0, 3.5)
    assert verdict.look(None, NO_JOINTS, 200, 3.5, resting=False, at_edge=False) == Activity("fall", 0.8, 3.0, 3.5)


def test_of_people_who_seem_small_the_network_tells_nothing() -> None:
    for stature, told in ((60.0, False), (120.0, True)):
        falls = LearnedFalls(Says((0.9, 0.9)), PostureSettings())
        found = [falls.look(walks_then_falls(step / 10), stature, step / 10, resting=False) for step in range(20)]
        assert any(found) is told


def nothing(*_: object) -> list[Link]:
    raise MissingError("no engine that reads .onnx is here: pip install 'edge-runtime[onnx]'")


def test_the_network_outvotes_the_rules_where_it_saw_what_was_before() -> None:
    for chance, onset, told in ((0.45, 3.0, False), (0.55, 3.0, True), (0.45, 0.1, True)):
        person = Person(SIZE, judge="both", network=Says((chance, 0.9)))
        assert any(sure for _, sure in shown(person, 8, onset=onset)) is told


@pytest.mark.parametrize(("seen_s", "knows"), [(0.4, False), (0.5, True)])
def test_the_network_knows_of_a_fall_half_a_second_after_it_saw_somebody(seen_s: float, knows: bool) -> None:
    falls = LearnedFalls(Says((0.1, 0.1)), PostureSettings())
    assert not falls.knows(100.0), "it saw nobody"
    falls.look(walks_then_falls(0.0), 200, 10.0, resting=False)
    assert falls.knows(10.0 + seen_s) is knows
    falls.look(walks_then_falls(0.0), 200, 20.0, resting=False)
    assert not falls.knows(10.0 + seen_s), "it has forgotten them"
    assert falls.knows(20.0 + seen_s) is knows


def both(monkeypatch: pytest.MonkeyPatch, ruled: Tells, learned: Tells) -> Callable[[float], Activity | None]:
    """The verdict of two who tell what they are told to, by time."""
    monkeypatch.setattr("edge.posture.verdict.Falls", lambda *_: ruled)
    monkeypatch.setattr("edge.posture.verdict.LearnedFalls", lambda *_: learned)
    verdict = Verdict(PostureSettings(), "both", Says((0.5, 0.5)))
    return lambda time: verdict.look(None, NO_JOINTS, 200, time, resting=False, at_edge=False)


@pytest.mark.parametrize(("since_s", "told"), [(3.5, True), (3.7, False)])
def test_the_network_s_chances_of_the_last_window_count(
    monkeypatch: pytest.MonkeyPatch, since_s: float, told: bool
) -> None:
    ruled, learned = Tells(None), Tells(None)
    look = both(monkeypatch, ruled, learned)
    learned.chances = Chances(0.6, 0.5)
    look(10.0)
    learned.chances = Chances(0.1, 0.5)
    look(10.1)
    ruled.activity = Activity("fall", 0.6, 9.0, 10.0)
    assert (look(10.0 + since_s) is not None) is told


def test_a_fall_of_the_rules_is_told_before_it_is_sure_and_stays_once_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ruled, learned = Tells(Activity("fall", 0.6, 2.0)), Tells(None)
    look = both(monkeypatch, ruled, learned)
    learned.chances = Chances(0.1, 0.5)
    assert look(3.0) == Activity("fall", 0.6, 2.0), "nothing outvotes what is not sure yet"
    learned.chances = Chances(0.6, 0.5)
    ruled.activity = Activity("fall", 0.6, 2.0, 3.5)
    assert look(3.5) == Activity("fall", 0.6, 2.0, 3.5)
    learned.chances = Chances(0.1, 0.5)
    assert look(30.0) == Activity("fall", 0.6, 2.0, 3.5), "somebody lies for long"
    ruled.activity = None
    assert look(31.0) is None
    ruled.activity = Activity("fall", 0.6, 30.5)
    assert look(31.1) == Activity("fall", 0.6, 30.5), "the next one is not sure because the last one was"


def test_the_network_by_itself_needs_no_rule_and_waits_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.posture.verdict.Falls", lambda *_: Tells(Activity("fall", 0.6, 2.0, 3.0)))
    monkeypatch.setattr("edge.posture.verdict.LearnedFalls", lambda *_: Tells(None))
    verdict = Verdict(PostureSettings(), "network", Says((0.5, 0.5)))
    assert verdict.look(None, NO_JOINTS, 200, 3.0, resting=False, at_edge=False) is None


def test_without_an_engine_rules_judge_alone(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("edge.judging.links_of", nothing)
    monkeypatch.setattr("edge.judging._told", set())
    assert network_or_none() is None
    assert network_or_none() is None
    assert caplog.text.count("rules alone") == 1
