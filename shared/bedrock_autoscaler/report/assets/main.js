"use strict";

// A live page looks for newer decisions, and keeps filter, span and choice when there are some.
async function follow(page) {
  const note = document.getElementById("live");
  const look = async () => {
    const fresh = await Data.open();
    note.textContent = `live, looked at ${new Date().toISOString().slice(11, 19)} UTC`;
    if (fresh.version === page.review.version) return;
    const { span, all } = page.charts;
    page.review = fresh;
    await page.open(Math.min(page.target.number, fresh.targets.length - 1));
    if (span[0] > all[0]) page.charts.show(...span);
  };
  note.textContent = "live";
  // One look after the other: a slow one must not meet the next.
  for (;;) {
    await new Promise((over) => setTimeout(over, 1000 * page.review.every));
    await look().catch((error) => {
      note.textContent = `not reached: ${error.message}`;
    });
  }
}

function tellProblem(error) {
  const box = document.getElementById("problem");
  box.hidden = false;
  box.textContent = `This review cannot be shown: ${error.message}`;
}

(async () => {
  if (!("DecompressionStream" in window))
    throw new Error("the browser cannot unpack gzip; one of 2023 or later can");
  const review = await Data.open();
  if (!review.targets.length) throw new Error("no target has a decision in this span");
  const page = new Page(review);
  await page.open(0);
  if (review.live) follow(page);
  // What `make check-browser` waits for: milliseconds since the page was asked for.
  document.documentElement.dataset.ready = Math.round(performance.now());
})().catch(tellProblem);
