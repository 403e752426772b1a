"use strict";

// One decision as an argument, made when it is asked for.
const Evidence = (() => {
  const plain = (text) => text.replace(/arn:aws[a-z-]*:[^\s/]+\//g, "");
  const section = (heading, ...children) =>
    children.length ? [make("h4", {}, heading), ...children] : [];
  const items = (lines) => make("ul", {}, ...lines.map((line) => make("li", {}, plain(line))));

  function reason(review, code, message) {
    const name = review.codes[code];
    const help = review.reasons[name];
    return make(
      "li",
      {},
      make(
        "details",
        {},
        make("summary", {}, name),
        make(
          "p",
          {},
          help ? help[1] : "This version has no word on it.",
          make("br"),
          make("b", {}, "What to do: "),
          help ? help[2] : "–",
        ),
      ),
      ` ${plain(message)}`,
    );
  }

  function sizes(rows, target, k) {
    const least = Math.min(...rows.map((row) => row[4] ?? Infinity));
    const notes = (row) =>
      [
        row[4] === least && "cheapest",
        row[0] === target.table.actual[k] && "held",
        row[0] === target.table.allowed[k] && "decided",
      ]
        .filter(Boolean)
        .join(", ");
    return make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Alternatives" },
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            ...[
              "units",
              "their USD",
              "overflow",
              "throttling",
              "total USD",
              "used",
              "which is",
            ].map((name) => make("th", { scope: "col" }, name)),
          ),
        ),
        make(
          "tbody",
          {},
          ...rows.map((row) =>
            make(
              "tr",
              { class: row[0] === target.table.allowed[k] ? "mark" : false },
              make("td", {}, String(row[0])),
              ...row.slice(1, 5).map((value) => make("td", {}, Say.usd(value))),
              make("td", {}, row[5] === null ? "–" : `${Math.round(100 * row[5])}%`),
              make("td", {}, notes(row)),
            ),
          ),
        ),
      ),
    );
  }

  function outlook([units, best, foreseen, came, least, foreseenLost, cameLost]) {
    const lines = [
      `${Say.units(units)} foreseen to cost ${Say.usd(foreseen)} USD over the paid period, throttling at its worth; it came to ${Say.usd(came)}`,
      `throttling in it: foreseen ${Say.usd(foreseenLost)}, came ${Say.usd(cameLost)}`,
      best === units
        ? "no other size would have been cheaper"
        : `in hindsight ${Say.units(best)} would have cost ${Say.usd(least)}: regret ${Say.usd(came - least)}`,
    ];
    return items(lines);
  }

  const routes = (rows) =>
    items(
      rows.map(
        ([kind, address, weight]) =>
          `${kind.replaceAll("_", " ")} ${address}: ${Math.round(100 * weight)}% first`,
      ),
    );

  function commands(target, id) {
    const place = target.review.place;
    return make(
      "div",
      {},
      ...["show", "replay"].map((verb) =>
        make("code", {}, `bedrock-autoscaler decisions ${verb} ${id} ${place}`),
      ),
    );
  }

  async function show(target, k, stillWanted) {
    const box = document.getElementById("evidence");
    const found = await target.evidence(k);
    if (!stillWanted()) return;
    const id = target.id(k);
    const saving = target.table.usd[k];
    box.replaceChildren(
      make("h3", {}, target.text(k)),
      make(
        "p",
        { class: "hint" },
        `${Say.moment(target.time(k))} UTC, ${target.loop(k)} loop, mode ${found.mode}, settings ${found.settings}${saving ? `, expected saving ${Say.usd(saving)} USD an hour` : ""}`,
      ),
      ...section(
        "Because",
        ...(found.reasons
          ? [
              make(
                "ul",
                {},
                ...found.reasons.map(([code, message]) => reason(target.review, code, message)),
              ),
            ]
          : []),
      ),
      ...section(
        "Alternatives for the coming billing period",
        ...(found.sizes ? [sizes(found.sizes, target, k)] : []),
      ),
      ...section("Foreseen, and what came", ...(found.outlook ? [outlook(found.outlook)] : [])),
      ...section("What it rests on", ...(found.expected ? [items(found.expected)] : [])),
      ...section("Routes", ...(found.routes ? [routes(found.routes)] : [])),
      ...section("What came of it", ...(found.outcomes ? [items(found.outcomes)] : [])),
      ...section("The whole argument, and deciding again", commands(target, id)),
    );
    box.scrollTop = 0;
    history.replaceState(null, "", `#${id}`);
  }

  function clear() {
    document
      .getElementById("evidence")
      .replaceChildren(make("p", { class: "hint" }, "Choose a decision to see what it rests on."));
  }

  return { show, clear };
})();
