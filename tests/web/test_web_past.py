"""What the page asks about what happened, and the owner's word on it."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from edge.pose.record import HEADER, Row, line
from edge.web.joints import Joints
from tests.support.figures import body_in
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
    assert answer.headers["content-disposition"] == 'inline; filename="1-a.csv"'
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text == home.house.poses["1-a"]
    told = home.browser.get("/api/events/1-a/pose.json").json()
    assert (told["fps"], len(told["frames"])) == (10.0, 2000)
    assert [each["posture"] for each in told["postures"]] == ["standing"]
    for path in ("/api/events/1-a/pose.csv", "/api/events/1-a/pose.json"):
        assert home.another().get(path).status_code == 401
        assert home.browser.get(path.replace("1-a", "2-b")).status_code == 404


def test_a_record_is_read_once_for_all_who_look_again_and_anew_once_it_has_grown(home: Site) -> None:
    lines = [line(Row(DAY + i / 10, DAY, (640, 480), body_in((100, 100, 200, 400)))) for i in range(20)]
    home.house.poses["1-a"] = HEADER + "".join(lines[:10])
    path, reads = "/api/events/1-a/pose.json", ["pose 1-a"]
    first = home.browser.get(path)
    assert first.headers["cache-control"] == "no-store"  # no browser keeps how somebody lay on the floor
    assert home.browser.get(path).content == first.content
    for known in (first.headers["etag"], f'"else", W/{first.headers["etag"]}', "*"):
        again = home.browser.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert home.house.log == reads
    home.house.poses["1-a"] = HEADER + "".join(lines)
    grown = home.browser.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (grown.status_code, len(grown.json()["frames"])) == (200, 20)
    assert home.house.log == 2 * reads
    as_lines = home.browser.get("/api/events/1-a/pose.csv")
    known = {"if-none-match": as_lines.headers["etag"]}
    assert home.browser.get("/api/events/1-a/pose.csv", headers=known).status_code == 304
    del home.house.poses["1-a"]
    for gone in (path, "/api/events/1-a/pose.csv"):
        assert home.browser.get(gone, headers={"if-none-match": "*"}).status_code == 404


def test_of_what_was_told_of_records_no_more_is_kept_than_allowed(home: Site) -> None:
    for name in ("1-a", "2-b", "3-c"):
        home.house.poses[name] = HEADER + line(Row(DAY, DAY, (640, 480), body_in((100, 100, 200, 400))))
    request = Request({"type": "http", "headers": []})
    size = len(Joints(home.house).as_json("1-a", request).body)
    joints = Joints(home.house, most_bytes=2 * size)
    home.house.log.clear()
    for name in ("1-a", "2-b", "1-a", "3-c", "1-a", "2-b"):
        assert len(joints.as_json(name, request).body) == size
    assert home.house.log == ["pose 1-a", "pose 2-b", "pose 3-c", "pose 2-b"]
    alone = Joints(home.house, most_bytes=size - 1)
    assert alone.as_json("1-a", request).body == alone.as_json("1-a", request).body
    assert home.house.log[4:] == ["pose 1-a", "pose 1-a"]
