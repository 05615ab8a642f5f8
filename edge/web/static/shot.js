// One event: its clip or picture, why it was told, and the owner's word on it. Its address is /#event=ID.

import { $, ask, closesBeside, fill, make, sleep } from "./dom.js";
import { CLOSED_S, clipUrl, factsOf, fellIn, hasClip, headingOf, namedUrl, pictureUrl } from "./event.js";
import { leavePose, showPose, startPose } from "./figure.js";
import { fullTime, words } from "./words.js";
import { overlay, whyParts } from "./why.js";

let rows = []; // the messages of the open event, oldest first
let clipGone = ""; // why its clip is not shown
let entered = false; // the clip has been begun, or its viewer has gone to some place in it
let pushed = false; // its address is one step of the browser's history
let changed = () => {};

// What the owner may say of an event, how that is taken back, and what follows from it.
const WORDS = {
  object: [
    "This was nothing",
    "It was something after all",
    "Kept as a false alarm. What moves at this place is taken less seriously for some days.",
  ],
  tamper: ["The view is right so", "The view was wrong", "The view as it is now is what later ones are held against."],
  lost: ["This was nothing", "It was something after all", "Kept as a false alarm."],
};

const openId = () => rows.at(-1)?.after.id ?? null;

/** Show an event of which one message is known; the others follow. */
export function openEvent(row) {
  history.pushState(null, "", `#event=${encodeURIComponent(row.after.id)}`);
  pushed = true;
  show([row]);
  readAll(row.after.id);
}

/** The address of an event was followed, from a mail for instance. */
async function openAddress() {
  const id = new URLSearchParams(location.hash.slice(1)).get("event");
  if (!id) return $("shot").open && $("shot").close();
  if (id === openId()) return;
  const { ok, status, said } = await ask(`/api/events/${encodeURIComponent(id)}`);
  if (ok) show(said);
  else tell(status === 404 ? "That event is not kept any more." : "That event could not be read.");
}

function tell(text) {
  fill($("notice"), text);
  $("notice").hidden = false;
  history.replaceState(null, "", location.pathname);
}

async function readAll(id) {
  const { ok, said } = await ask(`/api/events/${encodeURIComponent(id)}`);
  if (ok && id === openId()) render(said);
}

/** A newer message: if it is about the open event, the dialog follows. */
export function renew(row) {
  if (row.after.id !== openId() || row.uid === rows.at(-1).uid) return;
  readAll(row.after.id);
}

function show(told) {
  clipGone = "";
  $("notice").hidden = true;
  render(told, true);
  if (!$("shot").open) $("shot").showModal();
  $("shot").scrollTop = 0;
}

function render(told, anew = false) {
  rows = told;
  const { after } = rows.at(-1);
  fill($("shot-title"), headingOf(rows.at(-1)));
  $("shot").dataset.fell = String(fellIn(rows.at(-1)));
  fill($("shot-facts"), `${factsOf(after)} · ${fullTime(after.start_time)}`);
  showMedia(after, anew);
  showOthers(rows.at(-1));
  showPose(rows.at(-1));
  $("shot-why").replaceChildren(...whyParts(rows));
  $("shot-nothing").hidden = ["engine", "alarm"].includes(after.label);
  $("shot-nothing").setAttribute("aria-pressed", String(Boolean(after.false_positive)));
  const [word, back, meaning] = WORDS[after.sub_label === "lost" ? "lost" : after.label] ?? WORDS.object;
  fill($("shot-nothing").querySelector("span"), after.false_positive ? back : word);
  fill($("shot-word"), after.false_positive ? meaning : "");
}

// ---------------------------------------------------------------- clip and picture

function showMedia(after, anew) {
  const [clip, image, box] = [$("shot-clip"), $("shot-image"), $("shot-media")];
  const expected = hasClip(rows.at(-1));
  const playable = expected && !clipGone;
  if (anew) $("shot-pick").dataset.shows = playable ? "clip" : "picture";
  const shows = playable && $("shot-pick").dataset.shows === "clip" ? "clip" : "picture";
  const [width, height] = after.frame_size ?? [16, 9];
  box.style.setProperty("--shape", `${width} / ${height}`);
  box.hidden = !after.has_snapshot && !playable;
  image.alt = `${headingOf(rows.at(-1))} at ${words(after.camera)}`;
  if (after.has_snapshot && image.getAttribute("src") !== pictureUrl(after)) image.src = pictureUrl(after);
  if (after.has_snapshot) clip.poster = pictureUrl(after);
  if (playable && clip.getAttribute("src") !== clipUrl(after)) {
    clip.src = clipUrl(after);
    entered = false;
  }
  enter();
  if (shows === "picture") clip.pause();
  clip.hidden = shows !== "clip";
  image.hidden = shows !== "picture" || !after.has_snapshot;
  $("shot-pick").hidden = !playable || !after.has_snapshot;
  for (const button of $("shot-pick").querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === shows));
  $("shot-save").hidden = !expected || Boolean(clipGone && clipGone !== UNPLAYABLE);
  $("shot-save").href = clipUrl(after);
  fill($("shot-clip-wrong"), after.has_clip && after.end_time == null ? "The clip follows when this is over." : clipGone);
  showWay();
}

/** A clip may be shared with what came before: it is begun some seconds before this event. While it has not been begun
 * the best picture stays in its place. */
function enter() {
  const clip = $("shot-clip");
  const from = rows.at(-1)?.clip_from_s;
  if (clip.paused || entered || !clip.readyState || from === undefined) return;
  entered = true;
  if (from && from < clip.duration) clip.currentTime = from; // else the clock was set in between
}

const PICTURES = { "-1": "First picture", "-2": "Picture between" };

/** Up to three pictures of an object are kept; which of them there are is known once its messages were read. */
function showOthers({ after, pictures = [] }) {
  const known = `${after.id} ${pictures.join()}`;
  if ($("shot-more").dataset.pictures === known) return;
  $("shot-more").dataset.pictures = known;
  const buttons = pictures.map((name) => {
    const url = namedUrl(after, name);
    const image = make("img", { src: url, alt: PICTURES[name.slice(after.id.length)] ?? "Best picture" });
    const button = make("button", { type: "button" }, image);
    image.addEventListener("error", () => button.remove());
    button.addEventListener("click", () => {
      $("shot-pick").dataset.shows = "picture";
      showMedia(rows.at(-1).after, false);
      $("shot-image").src = url;
    });
    return button;
  });
  $("shot-more").replaceChildren(...buttons);
}

/** The way over the picture; not over one that was cut out of the frame. */
function showWay() {
  const image = $("shot-image");
  const [width, height] = rows.at(-1)?.after.frame_size ?? [0, 0];
  const whole = image.naturalWidth && Math.abs(image.naturalWidth / image.naturalHeight - width / height) < 0.02;
  const way = !image.hidden && whole ? overlay(rows) : null;
  $("shot-way").replaceChildren(...(way ? [way] : []));
}

const AGAIN_MS = 2000;
const UNPLAYABLE = "This browser cannot play the clip (H.265 perhaps). Save it and open it with another player.";

/** The browser says only that it could not: the device is asked whether the clip is still there. */
async function clipFailed() {
  const { after } = rows.at(-1) ?? {};
  if (!after?.has_clip || !$("shot-clip").getAttribute("src")) return;
  const { ok, status, said } = await probe(after);
  if (after.id !== openId()) return;
  clipGone = ok ? UNPLAYABLE : status === 404 ? (said?.error ?? "There is no clip of this any more.") : "The clip could not be loaded.";
  showMedia(after, true);
  if (status === 404) waitForClip(after);
}

const probe = (after) => ask(clipUrl(after), undefined, { headers: { Range: "bytes=0-0" } }); // a refusal is JSON, and says why

/** A clip is closed some time after its object has gone: the dialog shows it once it is there. */
async function waitForClip(after) {
  while (Date.now() / 1000 - after.end_time < CLOSED_S) {
    await sleep(AGAIN_MS);
    if (after.id !== openId()) return;
    if (!(await probe(after)).ok) continue;
    if (after.id !== openId()) return;
    clipGone = "";
    $("shot-clip").removeAttribute("src");
    showMedia(after, true);
    return readAll(after.id); // where in it this event is
  }
}

// ---------------------------------------------------------------- the owner's word

async function sayNothing() {
  const id = openId();
  const button = $("shot-nothing");
  const nothing = button.getAttribute("aria-pressed") !== "true";
  button.disabled = true;
  const { ok, said } = await ask(`/api/events/${encodeURIComponent(id)}/nothing`, { nothing });
  button.disabled = false;
  if (ok) changed(said.at(-1));
  if (id !== openId()) return;
  if (ok) render(said);
  else fill($("shot-word"), said?.error ?? "That did not reach the device.");
}

function closed() {
  rows = [];
  leavePose();
  $("shot-image").removeAttribute("src");
  $("shot-clip").removeAttribute("src");
  $("shot-clip").removeAttribute("poster");
  $("shot-clip").load(); // stops the download
  if (location.hash.startsWith("#event=")) {
    if (pushed) history.back();
    else history.replaceState(null, "", location.pathname);
  }
  pushed = false;
}

/** `takes(row)` hears of a row that carries the owner's word. */
export function startShot(takes) {
  changed = takes;
  startPose();
  $("shot").addEventListener("close", closed);
  closesBeside($("shot"));
  $("shot-image").addEventListener("load", showWay);
  $("shot-clip").addEventListener("error", clipFailed);
  for (const kind of ["play", "loadedmetadata"]) $("shot-clip").addEventListener(kind, enter);
  $("shot-clip").addEventListener("seeking", () => (entered = true));
  $("shot-nothing").addEventListener("click", sayNothing);
  $("shot-pick").addEventListener("click", ({ target }) => {
    if (target.value) $("shot-pick").dataset.shows = target.value;
    showMedia(rows.at(-1).after, false);
  });
  addEventListener("popstate", openAddress);
  openAddress();
}
