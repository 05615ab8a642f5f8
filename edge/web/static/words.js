// How the page says names, numbers and times.

const NAMES = { mqtt: "MQTT", jsonl: "JSON lines", homeassistant: "Home Assistant", email: "Mail" };
// Cameras are online, offline or disabled; engines up, standing_in or fault; sinks connecting, up, back_off, fault or
// stopped; `ok`, `dropped` and `none` are of rows that this page makes itself.
const TONES = { online: "good", up: "good", ok: "good", offline: "bad", fault: "bad", full: "bad", disabled: "off", stopped: "off", none: "off" };
const TOLD = { back_off: "trying again" };

export const words = (name) => String(name).replaceAll("_", " ");
export const title = (name) => words(name).replace(/^./, (first) => first.toUpperCase());
export const nameOf = (sink) => NAMES[sink] ?? title(sink).replace(/^Email/, NAMES.email);
export const number = (value, digits = 0) => Number(value).toLocaleString(undefined, { maximumFractionDigits: digits });
export const count = (many, one) => `${number(many)} ${one}${many === 1 ? "" : "s"}`;
/** Why a camera is away, without its address: which camera it is stands beside it. */
export const reasonOf = ({ reason }) => (reason ?? "").replace(/^\w+:\/\/\S*: /, "");
export const percent = (share) => `${Math.round(share * 100)}\u00a0%`;
export const tone = (state) => TONES[state] ?? "warn";
export const told = (state) => TOLD[state] ?? words(state);

export function bytes(size) {
  if (size < 1e6) return `${number(size / 1e3)}\u00a0kB`;
  return size < 1e9 ? `${number(size / 1e6)}\u00a0MB` : `${number(size / 1e9, 1)}\u00a0GB`;
}

export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)}\u00a0s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)}\u00a0min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)}\u00a0h`;
  return `${Math.round(seconds / 86400)}\u00a0days`;
}

/** 42 is "42", 75 is "1:15". */
export function countdown(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return whole < 60 ? String(whole) : `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const exact = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const dayName = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

export const timeOf = (seconds) => clock.format(seconds * 1000);
export const exactTime = (seconds) => exact.format(seconds * 1000);
export const fullTime = (seconds) => full.format(seconds * 1000);

export function dayOf(date) {
  const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
  const days = Math.round((midnight(date) - midnight(new Date())) / 86400000);
  return days === 0 || days === -1 ? title(relative.format(days, "day")) : dayName.format(date);
}

export function when(seconds) {
  const ago = Date.now() / 1000 - seconds;
  if (ago < 0 || ago >= 3600) return timeOf(seconds);
  return ago < 60 ? relative.format(-Math.round(ago), "second") : relative.format(-Math.round(ago / 60), "minute");
}
