// Tries again by itself; the device answers /healthz to anybody.

async function look() {
  try {
    await fetch("/healthz", { signal: AbortSignal.timeout(4000) });
    location.reload();
  } catch {
    // still away
  }
}

document.getElementById("again").addEventListener("click", () => location.reload());
addEventListener("online", look);
setInterval(() => document.hidden || look(), 5000);
