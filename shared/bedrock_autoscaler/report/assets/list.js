"use strict";

// A long list of which only the rows in view exist; the newest decision is on top.
class List {
  constructor(target, onPick) {
    this.target = target;
    this.onPick = onPick;
    this.height = 52;
    this.order = [];
    this.selected = null;
    this.box = document.getElementById("list");
    this.spacer = make("div", { class: "spacer", role: "presentation" });
    this.box.replaceChildren(this.spacer);
    this.box.onscroll = () => this.draw();
    this.box.onkeydown = (event) => this.press(event);
    this.box.onclick = (event) => {
      const row = event.target.closest(".row");
      if (row) this.onPick(Number(row.dataset.k));
    };
  }

  setOrder(order) {
    this.order = [...order].reverse();
    this.places = new Map(this.order.map((k, place) => [k, place]));
    this.spacer.style.height = `${this.order.length * this.height}px`;
    this.draw();
  }

  draw() {
    const first = Math.max(Math.floor(this.box.scrollTop / this.height) - 5, 0);
    const count = Math.ceil(this.box.clientHeight / this.height) + 10;
    const rows = [];
    for (let place = first; place < Math.min(first + count, this.order.length); place += 1) {
      rows.push(this.row(this.order[place], place));
    }
    this.spacer.replaceChildren(...rows);
    const shown = rows.some((row) => row.getAttribute("aria-selected") === "true");
    if (shown) this.box.setAttribute("aria-activedescendant", `row-${this.selected}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  row(k, place) {
    const { target } = this;
    const row = make(
      "div",
      {
        class: "row",
        id: `row-${k}`,
        role: "option",
        "data-k": k,
        "data-kind": target.kind(k),
        "aria-selected": String(k === this.selected),
        "aria-setsize": this.order.length,
        "aria-posinset": place + 1,
      },
      make(
        "span",
        { class: "what" },
        make("time", {}, Say.moment(target.time(k))),
        make("b", {}, target.text(k)),
        ` · ${target.loop(k)}`,
      ),
      make("span", { class: "why" }, target.why(k)),
    );
    row.style.top = `${place * this.height}px`;
    return row;
  }

  select(k) {
    this.selected = k;
    const place = k === null ? undefined : this.places.get(k);
    if (place !== undefined) {
      const top = place * this.height;
      const { scrollTop, clientHeight } = this.box;
      if (top < scrollTop || top + this.height > scrollTop + clientHeight) {
        this.box.scrollTop = Math.max(top - clientHeight / 2, 0);
      }
    }
    this.draw();
  }

  // The decision so many rows below the selected one, or the nearest there is.
  neighbour(rows) {
    if (!this.order.length) return null;
    const place = this.places.get(this.selected);
    const next =
      place === undefined ? 0 : Math.min(Math.max(place + rows, 0), this.order.length - 1);
    return this.order[next];
  }

  press(event) {
    const page = Math.max(Math.floor(this.box.clientHeight / this.height) - 1, 1);
    const moves = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key === "Enter") {
      document.getElementById("evidence").scrollIntoView({ block: "nearest" });
      return;
    }
    if (!(event.key in moves)) return;
    event.preventDefault();
    const k = this.neighbour(moves[event.key]);
    if (k !== null) this.onPick(k);
  }
}
