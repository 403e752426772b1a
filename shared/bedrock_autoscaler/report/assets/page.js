"use strict";

// Holds what is looked at together: one target, the filter, the span and the chosen decision.
class Page {
  constructor(review) {
    this.review = review;
    this.selected = null;
    this.form = document.getElementById("filter");
    this.form.addEventListener("input", () => this.filter());
    this.form.addEventListener("reset", () => setTimeout(() => this.filter()));
    this.form.addEventListener("submit", (event) => event.preventDefault());
    document
      .querySelector(".range")
      .addEventListener("click", (event) => this.move(event.target.dataset));
    document.getElementById("charts").addEventListener("keydown", (event) => this.press(event));
    document.getElementById("theme").addEventListener("click", () => this.turnTheme());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
      this.charts?.draw(),
    );
    let resized = 0;
    addEventListener("resize", () => {
      clearTimeout(resized);
      resized = setTimeout(() => this.charts?.resize(), 60);
    });
    addEventListener("beforeprint", () => this.beforePrint());
    addEventListener("afterprint", () => this.afterPrint());
    addEventListener("hashchange", () => this.pickId(location.hash.slice(1)));
    this.fillChoices();
  }

  fillChoices() {
    const { review } = this;
    const choose = document.getElementById("target");
    choose.replaceChildren(
      ...review.targets.map((head, number) => make("option", { value: number }, head.name)),
    );
    choose.onchange = () => this.open(Number(choose.value));
    document.getElementById("target-label").hidden = review.targets.length < 2;
    const options = (name, values) =>
      this.form.elements[name].append(...values.map((value) => make("option", { value }, value)));
    options("loop", review.loops);
    options("kind", review.kinds);
    options("verdict", review.verdicts);
    const marks = {
      buy: "purchase",
      release: "release",
      restore: "restored from draining",
      routes: "new routing table",
      hold: "hold",
    };
    document.getElementById("marks").replaceChildren(
      ...Object.entries(marks).map(([kind, name]) => {
        const colour = make("i");
        colour.style.background = `var(--${kind})`;
        return make("li", {}, colour, name);
      }),
    );
  }

  async open(number) {
    const target = await Data.load(this.review, number);
    const chosen = this.selected === null ? location.hash.slice(1) : this.target.id(this.selected);
    this.target = target;
    const { head } = this.target;
    const until = head.start + 60 * head.minutes;
    document.getElementById("lead").textContent =
      `${head.name}: ${Say.moment(head.start)} to ${Say.moment(until)} UTC, ${Say.count(head.decisions)} decisions, mode ${head.mode || "unknown"}`;
    document.getElementById("unit").textContent = head.unit;
    document.getElementById("made").textContent = this.review.made;
    const codes = [...new Set(this.target.table.sets.flat())].sort((a, b) =>
      this.review.codes[a] < this.review.codes[b] ? -1 : 1,
    );
    const reason = this.form.elements.set.value;
    this.form.elements.set.replaceChildren(
      make("option", { value: "" }, "any"),
      ...codes.map((code) => make("option", { value: code }, this.review.codes[code])),
    );
    this.form.elements.set.value = codes.includes(Number(reason)) ? reason : "";
    this.charts?.destroy();
    this.order = this.passing();
    this.charts = new Charts(this.target, {
      order: this.order,
      onPick: (k) => this.pick(k),
      onSpan: () => this.spanMoved(),
    });
    this.list = new List(this.target, (k) => this.pick(k));
    this.selected = null;
    Evidence.clear();
    Ledger.show(this.target, (id) => this.pickId(id));
    this.showList();
    this.pickId(chosen);
  }

  // -- the filter ----------------------------------------------------------------------------

  filter() {
    this.order = this.passing();
    this.charts.setOrder(this.order);
    this.showList();
  }

  // The decisions that pass the filter, oldest first.
  passing() {
    const wanted = Object.fromEntries(new FormData(this.form));
    const { target } = this;
    const { table } = target;
    const code = wanted.set === "" ? null : Number(wanted.set);
    const sets = table.sets.map((codes) => code === null || codes.includes(code));
    const says = wanted.says.trim().toLowerCase();
    const usd = wanted.usd === "" ? null : Number(wanted.usd);
    const order = [];
    for (let k = 0; k < target.length; k += 1) {
      if (wanted.loop && target.loop(k) !== wanted.loop) continue;
      if (
        wanted.kind &&
        !(wanted.kind === "changes" ? target.isChange(k) : target.kind(k) === wanted.kind)
      )
        continue;
      if (wanted.verdict && target.verdict(k) !== wanted.verdict) continue;
      if (!sets[table.set[k]]) continue;
      if (usd !== null && Math.abs(table.usd[k] ?? 0) < usd) continue;
      if (
        says &&
        !target.why(k).toLowerCase().includes(says) &&
        !target.text(k).toLowerCase().includes(says)
      )
        continue;
      order.push(k);
    }
    return order;
  }

  spanMoved() {
    if (this.form.elements.visible.checked) this.showList();
  }

  showList() {
    const { target, charts } = this;
    let shown = this.order;
    if (this.form.elements.visible.checked) {
      shown = shown.slice(
        target.firstAt(shown, charts.span[0]),
        target.firstAt(shown, charts.span[1] + 1),
      );
    }
    this.shown = shown;
    this.list.setOrder(shown);
    document.getElementById("count").textContent =
      `${Say.count(shown.length)} of ${Say.count(target.length)} decisions`;
    this.showReasons();
  }

  // How often each reason came up in the list; a press lists those decisions.
  showReasons() {
    const bySet = new Map();
    for (const k of this.shown)
      bySet.set(this.target.table.set[k], (bySet.get(this.target.table.set[k]) || 0) + 1);
    const counts = new Map();
    for (const [set, count] of bySet) {
      for (const code of new Set(this.target.table.sets[set]))
        counts.set(code, (counts.get(code) || 0) + count);
    }
    const ranked = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 12);
    document.getElementById("reasons").replaceChildren(
      ...ranked.map(([code, count]) =>
        make(
          "li",
          {},
          make(
            "button",
            {
              type: "button",
              title: this.review.reasons[this.review.codes[code]]?.[1] ?? "",
              onclick: () => this.onlyReason(code),
            },
            make("span", {}, this.review.codes[code]),
            make("span", {}, Say.count(count)),
          ),
        ),
      ),
    );
  }

  onlyReason(code) {
    this.form.elements.set.value = String(code);
    this.filter();
    this.list.box.scrollTop = 0;
    document.getElementById("decisions").scrollIntoView();
  }

  // -- choosing and moving -------------------------------------------------------------------

  pick(k) {
    this.selected = k;
    this.charts.select(k);
    this.list.select(k);
    Evidence.show(this.target, k, () => this.selected === k).catch((error) => tellProblem(error));
  }

  pickId(id) {
    if (!id || !this.target) return;
    const found = /-(capacity|routing)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(id);
    if (!found) return;
    const [, , ...numbers] = found;
    const [year, month, ...rest] = numbers.map(Number);
    const time = Date.UTC(year, month - 1, ...rest) / 1000;
    const all = Array.from({ length: this.target.length }, (_, k) => k);
    for (
      let k = this.target.firstAt(all, time);
      k < all.length && this.target.time(k) === time;
      k += 1
    ) {
      if (this.target.id(k) === id) {
        this.pick(k);
        return;
      }
    }
  }

  move({ days, step, zoom }) {
    const { charts } = this;
    if (days !== undefined) {
      const last = charts.all[1];
      charts.show(Number(days) ? last - 86400 * Number(days) : charts.all[0], last);
    } else if (step !== undefined) charts.step(Number(step));
    else if (zoom !== undefined) charts.zoom(Number(zoom));
  }

  press(event) {
    const actions = {
      ArrowLeft: () => this.pickNext(1),
      ArrowRight: () => this.pickNext(-1),
      "+": () => this.charts.zoom(0.5),
      "=": () => this.charts.zoom(0.5),
      "-": () => this.charts.zoom(2),
      0: () => this.charts.show(...this.charts.all),
    };
    if (!(event.key in actions) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
  }

  // The list has the newest on top, so later is up.
  pickNext(rows) {
    const k = this.list.neighbour(rows);
    if (k !== null) this.pick(k);
  }

  // -- theme and paper -----------------------------------------------------------------------

  turnTheme() {
    const names = ["", "light", "dark"];
    const now = document.documentElement.dataset.theme || "";
    this.setTheme(names[(names.indexOf(now) + 1) % names.length]);
  }

  setTheme(name) {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    document.getElementById("theme").textContent = `Theme: ${name || "as the system"}`;
    this.charts?.draw();
  }

  beforePrint() {
    this.themeBefore = document.documentElement.dataset.theme || "";
    this.charts.paper = 660;
    this.setTheme("light");
    const changes = this.shown.filter((k) => this.target.isChange(k));
    const printed = changes.slice(-400);
    const left = changes.length - printed.length;
    document
      .getElementById("printed")
      .replaceChildren(
        make(
          "p",
          {},
          `${Say.count(printed.length)} decisions that changed something${left ? `, the newest of ${Say.count(changes.length)}` : ""}`,
        ),
        make(
          "table",
          {},
          make(
            "tbody",
            {},
            ...printed.map((k) =>
              make(
                "tr",
                {},
                make("td", {}, `${Say.moment(this.target.time(k))} ${this.target.loop(k)}`),
                make("td", {}, this.target.text(k)),
                make("td", {}, this.target.why(k)),
              ),
            ),
          ),
        ),
      );
  }

  afterPrint() {
    this.charts.paper = null;
    this.setTheme(this.themeBefore);
  }
}
