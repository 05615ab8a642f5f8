"""What the page asks about what happened, and the owner's word on it."""

from __future__ import annotations

import pytest

from edge.pose.record import HEADER, Row, line
from tests.support.bodies import body_in
from tests.support.house import jpeg
from tests.web.conftest import Site

DAY = 1_700_000_000.0


def ids(home: Site, query: str) -> list[str]:
    """The ids of the objects that a query finds."""
    return [row["after"]["id"] for row in home.browser.get(f"/api/objects?{query}").json()]


def test_objects_are_chosen_by_what_they_are_and_when(home: Site) -> None:
    home.house.happen(serial=1, start_time=DAY, armed="disarmed", entered_zones=["path"])
    home.house.happen(serial=2, start_time=DAY + 60, label="dog", has_clip=True)
    home.house.happen("end", serial=2, start_time=DAY + 60, label="dog", has_clip=True)
    one, two = f"{DAY:.0f}-000001", f"{DAY + 60:.0f}-000002"
    assert ids(home, "") == [two, one]
    assert ids(home, f"before={two}") == [one]
    assert ids(home, "limit=1") == [two]
    assert ids(home, "zone=path&camera=porch&label=&clip=") == [one]
    assert ids(home, "clip=1") == ids(home, "armed=1") == ids(home, "label=dog") == [two]
    assert ids(home, f"from={DAY + 1}") == [two]
    assert ids(home, f"to={DAY + 60}") == [one]


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=201", "limit=²", "before=", "before=%2e%2e/x", "armed=yes", "clip=2", "from=nan"),
        *("from=1e9", "to=-1", "from=\u0661", "to=" + "9" * 13, "camera=" + "x" * 81),
    ],
)
def test_a_malformed_question_is_told(home: Site, query: str) -> None:
    answer = home.browser.get(f"/api/objects?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(query.partition("=")[0])


def test_a_day_at_a_glance(home: Site) -> None:
    home.house.happen(serial=1, start_time=DAY + 601, entered_zones=["path"])
    day = home.browser.get(f"/api/day?from={DAY}&to={DAY + 86400}").json()
    assert day == {"slot_s": 300.0, "marks": {"porch": [[2, 1, 1]]}, "labels": ["person"], "zones": ["path"]}
    for wrong in ("", f"from={DAY}", f"from={DAY}&to={DAY}", f"from={DAY}&to={DAY + 40 * 86400}"):
        assert home.browser.get(f"/api/day?{wrong}").status_code == 400, wrong


def test_one_event_with_all_its_messages(home: Site) -> None:
    for kind in ("new", "end"):
        home.house.happen(kind, start_time=DAY)
    name = home.house.rows[0]["after"]["id"]
    assert [row["type"] for row in home.browser.get(f"/api/events/{name}").json()] == ["new", "end"]
    home.house.shots[name] = jpeg(9)
    assert home.browser.get(f"/api/events/{name}.jpg").content == jpeg(9)
    assert home.browser.get("/api/events/1-unknown").status_code == 404
    assert home.browser.get("/api/events/..%2f..%2fx").status_code == 404


def test_the_owner_says_that_it_was_nothing_and_takes_it_back(home: Site) -> None:
    home.house.happen(start_time=DAY)
    name = home.house.rows[0]["after"]["id"]
    token = {"x-csrf-token": home.csrf()}

    def say(body: object, event: str = name) -> int:
        return home.browser.post(f"/api/events/{event}/nothing", json=body, headers=token).status_code

    assert say({"nothing": True}) == 200
    assert home.browser.get(f"/api/events/{name}").json()[0]["after"]["false_positive"] is True
    assert say({"nothing": False}) == 200
    assert home.browser.get(f"/api/events/{name}").json()[0]["after"]["false_positive"] is False
    assert home.house.log == [f"{name} was {word} by web 127.0.0.1" for word in ("nothing", "something")]
    for wrong in ([], {}, {"nothing": 1}, "x"):
        assert say(wrong) == 400
    assert say({"nothing": True}, "1-unknown") == 404
    assert home.browser.post(f"/api/events/{name}/nothing", json={"nothing": True}).status_code == 403
    assert home.browser.get(f"/api/events/{name}/nothing").status_code == 405


def test_the_joints_of_an_event_as_lines_and_as_json_for_those_who_are_logged_in(home: Site) -> None:
    rows = [Row(DAY + i / 10, DAY, (640, 480), body_in((100, 100, 200, 400))) for i in range(4000)]
    home.house.poses["1-a"] = HEADER + "".join(map(line, rows))
    answer = home.browser.get("/api/events/1-a/pose.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text == home.house.poses["1-a"]
    told = home.browser.get("/api/events/1-a/pose.json").json()
    assert (told["fps"], len(told["frames"])) == (10.0, 2000)
    assert [each["posture"] for each in told["postures"]] == ["standing"]
    for path in ("/api/events/1-a/pose.csv", "/api/events/1-a/pose.json"):
        assert home.another().get(path).status_code == 401
        assert home.browser.get(path.replace("1-a", "2-b")).status_code == 404
