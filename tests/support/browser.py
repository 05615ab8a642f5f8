"""Debian's chromium, as every browser test starts it, and what it does with a clip."""

from __future__ import annotations

from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
needs_chromium = [
    pytest.mark.chromium,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not here: apt-get install chromium"),
]
WATCH = """async (url) => {
  const video = document.createElement("video");
  video.muted = true;
  const once = (name) => new Promise((done) => {
    video.addEventListener(name, done, {once: true});
    video.addEventListener("error", done, {once: true});
    setTimeout(done, 10000);
  });
  const loaded = once("loadeddata");
  video.src = url;
  document.body.append(video);
  await loaded;
  const seen = {duration: video.duration, size: [video.videoWidth, video.videoHeight]};
  video.play().catch(() => {});
  const until = Date.now() + 10000;
  while (video.currentTime < 0.4 && !video.error && Date.now() < until) await new Promise((r) => setTimeout(r, 50));
  seen.played = video.currentTime;
  video.pause();
  const sought = once("seeked");
  video.currentTime = video.duration * 0.75;
  await sought;
  seen.sought = video.currentTime;
  seen.error = video.error && video.error.message;
  return seen;
}"""
"""Plays a clip, then seeks to three quarters of it."""
