// What an event says of itself: its name, its facts, where its pictures are.

import { percent, span, title, words } from "./words.js";

const TAMPER = {
  moved: "Camera moved",
  covered: "Camera covered",
  blinded: "Camera blinded",
  blurred: "Picture blurred",
  dark: "Too dark to see",
  lost: "Camera lost",
};

/** Labels that no model gives: to say how sure of them it is would mean nothing. */
const OWN = new Set(["motion", "tamper", "engine", "alarm"]);

/** What an event is about, as its heading. */
export function whatOf({ label, sub_label: sub }) {
  if (label === "tamper") return TAMPER[sub] ?? `Camera: ${words(sub ?? label)}`;
  if (label === "alarm") return sub ? `Alarm: ${words(sub).replace(/^triggered: /, "")}` : "Alarm";
  return title(sub ?? label);
}

/** Whether somebody fell in it, confirmed: in its newest message, or in one before. */
export const fellIn = ({ after, fell }) => Boolean(fell) || (after.activity?.kind === "fall" && after.activity.confirmed);

/** The heading of an event, by its newest message. */
export const headingOf = (row) => (fellIn(row) ? "Fall" : whatOf(row.after));

const address = (after, what) => `/api/events/${encodeURIComponent(after.id)}${what}?t=${after.snapshot?.frame_time ?? after.frame_time}`;
export const pictureUrl = (after) => address(after, ".jpg");
export const namedUrl = (after, name) => address({ ...after, id: name }, ".jpg");
export const thumbUrl = (after) => address(after, "/thumb.jpg");
export const CLOSED_S = 600; // a clip goes on after its object has gone, longer where others are about, and is closed then

/** Whether a clip can be expected: it was recorded, and its object has gone. `clip` is null where there is no file; of
 * a row that was read before the file can have been closed, that says nothing. */
export function hasClip(row) {
  const { after, clip } = row;
  row.readAt ??= Date.now() / 1000;
  return Boolean(after.has_clip) && after.end_time != null && (clip !== null || row.readAt - after.end_time < CLOSED_S);
}

export const clipUrl = (after) => `/api/clips/${encodeURIComponent(after.id)}.mp4`;

export function factsOf(after) {
  const zones = [...new Set([...(after.current_zones ?? []), ...(after.entered_zones ?? [])])].map(words);
  const lasted = after.end_time == null ? "" : span(Math.max(1, after.end_time - after.start_time));
  const sure = OWN.has(after.label) || after.top_score == null ? "" : `${percent(after.top_score)}\u00a0sure`;
  return [title(after.camera), zones.join(", "), lasted, sure].filter(Boolean).join(" · ");
}
