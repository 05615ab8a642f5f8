// The page of one house. Three sources, each of which may fail alone and says so on the page: /feed (status and
// messages, server-sent), /live (all pictures in one multipart stream), and what is asked for (events, the alarm).
//
// dom.js, words.js, event.js   helpers, words, what an event says      alarm.js      state, panic, log (keypad.js)
// status.js, live.js           health; pictures (switches.js)          events.js     the list of events
// timeline.js                  which events: day, bar, filters         shot.js       one event (why.js)

import { showAlarm, startAlarm, tick } from "./alarm.js";
import { $, ask, fill } from "./dom.js";
import { startEvents, takeRow, takeRows, tellTimes } from "./events.js";
import { startKeypad, tickKeypad } from "./keypad.js";
import { markTiles, showCameras, startLive, unwatch, watch } from "./live.js";
import { openEvent, renew, startShot } from "./shot.js";
import { showHealth } from "./status.js";
import { happened, knowCameras, show, startTimeline } from "./timeline.js";

const SILENT_MS = 5000; // the feed speaks each second: this long without a word is a lost connection

let version = null;
let feed = null;
let heard = performance.now();

function showStatus(news) {
  if (version && version !== news.version) location.reload(); // the device was updated: so must this page be
  version = news.version;
  const cameras = news.cameras ?? [];
  document.title = news.alarm === "triggered" ? `Alarm! ${news.node}` : `${news.node} · edge`;
  showAlarm(news.alarm, news.alarm_detail);
  showCameras(cameras);
  knowCameras(cameras.map((camera) => camera.name));
  showHealth(news);
}

function link(state) {
  if (document.body.dataset.link === state) return;
  document.body.dataset.link = state;
  fill($("link"), { live: "Live", lost: "Connection lost", connecting: "Connecting" }[state]);
  fill($("lost"), state === "lost" ? "Connection lost. What you see is old; trying again." : "");
  $("lost").hidden = state !== "lost";
  markTiles();
}

function listen() {
  feed?.close();
  feed = new EventSource("/feed");
  heard = performance.now();
  feed.addEventListener("status", (event) => {
    heard = performance.now();
    link("live");
    showStatus(JSON.parse(event.data));
  });
  feed.addEventListener("events", (event) => {
    const { gap, rows } = JSON.parse(event.data);
    takeRows(rows, !gap);
    if (gap) show(); // what the feed begins with are messages: the list reads its objects
  });
  feed.addEventListener("error", () => {
    link("lost");
    // The browser gives up on an answer that is no stream: a session that ended, which leads to the login, or a
    // server that is full or away, which the watchdog tries again.
    if (feed.readyState === EventSource.CLOSED) ask("/api/status");
  });
}

function everySecond() {
  if (document.hidden) return;
  const silent = performance.now() - heard;
  if (silent > SILENT_MS) {
    link("lost");
    if (!feed || feed.readyState === EventSource.CLOSED || silent > 2 * SILENT_MS) listen();
  }
  markTiles();
  tellTimes();
}

document.addEventListener("click", (event) => {
  if (event.target.closest("dialog")) return; // the keypad may have been opened by what is in the menu
  for (const menu of document.querySelectorAll(".menu[open], .switches[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    feed?.close(); // a hidden page costs the device nothing
    unwatch();
  } else {
    listen();
    watch();
  }
});
$("tabs").addEventListener("click", (event) => {
  const part = event.target.closest("a")?.hash;
  if (!part) return;
  event.preventDefault(); // no step in the browser's history: "back" is for closing an event
  document.querySelector(part).scrollIntoView();
});
$("notice").addEventListener("click", () => ($("notice").hidden = true));
startKeypad();
startAlarm(showStatus);
startLive();
startEvents({ open: openEvent, told: renew, happened });
startTimeline();
startShot(takeRow);
navigator.serviceWorker?.register("/static/worker.js", { scope: "/" }).catch(() => {}); // not with an untrusted certificate
listen();
// What the page came with: nothing jumps, and the alarm can be tapped, before the feed has said anything.
showStatus(JSON.parse(document.querySelector("meta[name=status]").content));
delete document.querySelector(".house").dataset.starting;
setInterval(everySecond, 1000);
setInterval(tick, 250);
setInterval(tickKeypad, 250);
