"use strict";

// The tiles on top, and the tables of the savings ledger.
const Ledger = (() => {
  const MONEY = ["units", "on demand", "paid", "all on demand", "saved"];
  const HEADINGS = [
    "day",
    ...MONEY,
    "attempts refused",
    "foreseen",
    "came",
    "regret",
    "unserved, foreseen",
    "unserved, came",
    "minutes read",
  ];
  const isShare = (column) => column === 6 || column >= 10;

  const tile = (name, value, note = "") =>
    make(
      "div",
      {},
      make("dt", {}, name),
      make("dd", {}, value, note ? make("small", {}, note) : null),
    );

  // A loss has its minus; what rounds to nothing has no sign, and what is not known a dash.
  const signed = (value) => {
    if (value === null) return Say.usd(value);
    if (Math.abs(value) < 0.005) return Say.usd(0);
    return value > 0 ? `+${Say.usd(value)}` : Say.usd(value);
  };

  function tiles(target) {
    const { savings, minutes } = target.head;
    const [, units, , paid, reference, saved, throttled, , , regret] = savings.total;
    const last = minutes - 1;
    const { held, in_service: serving } = target.series;
    document
      .getElementById("tiles")
      .replaceChildren(
        tile("Paid, USD", Say.usd(paid), `${Say.usd(units)} for units`),
        tile(
          "Saved, USD",
          signed(saved),
          reference ? `${Say.share(saved / reference)} of all on demand` : "",
        ),
        tile("Attempts refused", Say.share(throttled), "of all"),
        tile("Regret, USD", Say.usd(regret), "against the best sizes"),
        tile("Units now", String(serving[last] ?? "–"), `in service, ${held[last] ?? "–"} held`),
        tile("Booked this month, USD", Say.usd(savings.monthUnits), "for units"),
      );
  }

  const cell = (value, column) => {
    if (column === 0) return make("th", { scope: "row" }, value);
    return make(
      "td",
      {},
      isShare(column)
        ? Say.share(value)
        : column === 5
          ? signed(value)
          : Say.usd(value),
    );
  };

  function days(target) {
    const { savings } = target.head;
    const row = (values, name) => make("tr", { class: name }, ...values.map(cell));
    document
      .getElementById("days")
      .replaceChildren(
        make(
          "thead",
          {},
          make("tr", {}, ...HEADINGS.map((name) => make("th", { scope: "col" }, name))),
        ),
        make(
          "tbody",
          {},
          ...savings.days.map((values) => row(values, false)),
          row(savings.total, "total"),
        ),
      );
  }

  function purchases(target, onPick) {
    const headings = ["decided", "units", "state", "ended", "paid USD", "avoided USD", "net USD"];
    const link = (id) => make("button", { type: "button", onclick: () => onPick(id) }, id);
    document
      .getElementById("purchases")
      .replaceChildren(
        make(
          "thead",
          {},
          make("tr", {}, ...headings.map((name) => make("th", { scope: "col" }, name))),
        ),
        make(
          "tbody",
          {},
          ...target.head.savings.purchases.map(([id, units, state, , ended, paid, avoided]) =>
            make(
              "tr",
              {},
              make("td", {}, link(id)),
              make("td", {}, String(units)),
              make("td", {}, state),
              make("td", {}, ended ? ended.slice(0, 16).replace("T", " ") : "–"),
              make("td", {}, Say.usd(paid)),
              make("td", {}, Say.usd(avoided)),
              make("td", {}, signed(avoided === null ? null : avoided - paid)),
            ),
          ),
        ),
      );
  }

  function show(target, onPick) {
    tiles(target);
    days(target);
    purchases(target, onPick);
  }

  return { show };
})();
