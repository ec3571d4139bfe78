"use strict";
// Tables are paged, sorted and searched by the server; charts are drawn here. What comes
// from the data is only ever put in as text.

const root = document.body.dataset.root;
const month = document.body.dataset.month;
// Okabe and Ito: told apart by colour-blind readers too.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"];
const DASHES = ["solid", "dash", "dot", "dashdot"];
const LINKS = {
  borrower_key: "borrower/", former_borrower_key: "borrower/", event_id: "event/",
  run_id: "run/", model_version: "model/",
};
// What the server shows instead of what a role may not see.
const MASK = "***";

function isDark() {
  const chosen = ["chakra-ui-color-mode", "theme"].map((key) => localStorage.getItem(key))
    .find((mode) => mode === "dark" || mode === "light");
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
// Pictures that are shown; each draws itself anew.
const pictures = [];

function follow() {
  const theme = isDark() ? "dark" : "light";
  if (document.documentElement.dataset.theme === theme) return;
  document.documentElement.dataset.theme = theme;
  for (const picture of pictures) picture();
}
follow();
// Airflow keeps its choice in the storage: this hears of it from Airflow's own window.
addEventListener("storage", follow);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);

function made(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

async function asked(path, parameters) {
  const given = new URLSearchParams();
  if (month) given.set("month", month);
  for (const [name, value] of Object.entries(parameters || {})) {
    if (value !== "" && value !== null) given.set(name, value);
  }
  const answer = await fetch(`${root}${path}?${given}`, { credentials: "same-origin" });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || answer.statusText);
  return body;
}

function shown(value) {
  if (value === null) return "–";
  // Of a time, no fraction of a second.
  if (typeof value !== "number") return String(value).replace(/^(\d{4}-.{14})\.\d+$/, "$1");
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return Math.abs(value) >= 1000 ? value.toLocaleString("en", { maximumFractionDigits: 0 })
    : String(Number(value.toPrecision(4)));
}

class Table {
  constructor(place) {
    this.place = place;
    this.state = { page: 1, search: "", sort: "", descending: true };
    this.link = JSON.parse(place.dataset.link || "null");
    this.build();
    this.load();
  }

  build() {
    const tools = made("div", undefined, { class: "tools" });
    this.search = made("input", undefined, {
      type: "search", placeholder: "Search", "aria-label": `Search ${this.place.dataset.title}`,
    });
    let waiting;
    this.search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.go({ search: this.search.value, page: 1 }), 300);
    });
    this.before = made("button", "Back", { type: "button" });
    this.after = made("button", "Further", { type: "button" });
    this.before.addEventListener("click", () => this.go({ page: this.state.page - 1 }));
    this.after.addEventListener("click", () => this.go({ page: this.state.page + 1 }));
    this.count = made("span", "", { class: "quiet", role: "status" });
    this.download = made("a", "Download CSV");
    tools.append(this.search, this.before, this.after, this.count, this.download);
    this.scroll = made("div", undefined, {
      class: "scroll", tabindex: "0", role: "region", "aria-label": this.place.dataset.title,
    });
    this.place.append(tools, this.scroll);
  }

  go(change) {
    Object.assign(this.state, change);
    this.load();
  }

  async load() {
    const wanted = JSON.stringify(this.state);
    try {
      const found = await asked(this.place.dataset.table, this.state);
      // An answer that comes after a newer question is not shown.
      if (wanted === JSON.stringify(this.state)) this.show(found);
    } catch (error) {
      this.count.textContent = error.message;
    }
  }

  show(found) {
    this.columns = found.columns.filter((column) => column !== this.place.dataset.without);
    this.rows = found.rows.map((values) =>
      Object.fromEntries(found.columns.map((name, place) => [name, values[place]])));
    if (this.place.dataset.hides !== undefined && !found.total && !this.state.search) {
      this.place.closest("details").hidden = true;
    }
    const last = Math.max(1, Math.ceil(found.total / found.size));
    this.count.textContent =
      `${found.total.toLocaleString("en")} rows, page ${found.page} of ${last.toLocaleString("en")}`;
    this.before.disabled = found.page <= 1;
    this.after.disabled = found.page >= last;
    const given = new URLSearchParams({ ...this.state });
    given.delete("page");
    if (month) given.set("month", month);
    this.download.href = `${root}${this.place.dataset.download}?${given}`;
    const table = made("table");
    table.append(this.head(found), this.body());
    // The header is made anew: whoever sorts by the keyboard stays on the column.
    const column = this.scroll.contains(document.activeElement) && document.activeElement.dataset.column;
    this.scroll.replaceChildren(table);
    if (column) {
      [...table.querySelectorAll("th button")].find((button) => button.dataset.column === column)?.focus();
    }
  }

  head(found) {
    const row = made("tr");
    for (const column of this.columns) {
      if (this.rows.length && this.rows.every((values) => values[column] === MASK)) {
        row.append(made("th", column, { scope: "col" }));
        continue;
      }
      const isSorted = found.sort === column;
      const falls = found.descending;
      const cell = made("th", undefined, {
        scope: "col", "aria-sort": isSorted ? (falls ? "descending" : "ascending") : "none",
      });
      if (this.rows.some((values) => typeof values[column] === "number")) cell.className = "number";
      const button = made("button", column + (isSorted ? (falls ? " ↓" : " ↑") : ""), {
        type: "button", "data-column": column,
      });
      button.addEventListener("click", () => this.go({
        sort: column, descending: isSorted ? !falls : true, page: 1,
      }));
      cell.append(button);
      row.append(cell);
    }
    const head = made("thead");
    head.append(row);
    return head;
  }

  body() {
    const body = made("tbody");
    for (const values of this.rows) {
      const row = made("tr");
      for (const column of this.columns) row.append(this.cell(column, values));
      body.append(row);
    }
    return body;
  }

  cell(column, row) {
    const value = row[column];
    const cell = made("td", undefined, typeof value === "number" ? { class: "number" } : {});
    if (/^[0-9a-f]{32}$/.test(value)) cell.className = "key";
    const leads = value === null || value === MASK ? undefined : this.leads(column, row);
    if (leads) {
      cell.append(made("a", shown(value), { href: root + leads }));
    } else {
      // A year is no count.
      cell.textContent = column.endsWith("year") ? String(value ?? "–") : shown(value);
    }
    if (typeof value === "string" && value.length > 30) cell.title = value;
    return cell;
  }

  leads(column, row) {
    if (this.link && this.link.column === column) {
      const given = this.link.given.filter((name) => row[name] !== undefined);
      return `${this.link.path}?${new URLSearchParams(given.map((name) => [name, row[name]]))}`;
    }
    return LINKS[column] && LINKS[column] + encodeURIComponent(row[column]);
  }
}

function series(rows) {
  const found = new Map();
  for (const row of rows) {
    const name = row.series === undefined ? "" : String(row.series);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(row);
  }
  return [...found];
}

// More lines than this are a tangle: the rest wait in the legend for a click.
const MOST_LINES = 8;
const FIRST_LINES = 3;

function lines(rows) {
  const all = series(rows);
  return all.flatMap(([name, points], number) => {
    const visible = all.length <= MOST_LINES || number < FIRST_LINES || "legendonly";
    const colour = COLOURS[number % COLOURS.length];
    const x = points.map((point) => point.x);
    const line = {
      x, y: points.map((point) => point.y), name, mode: "lines+markers", visible,
      line: { color: colour, dash: DASHES[Math.floor(number / COLOURS.length) % DASHES.length] },
    };
    if (points[0].low === undefined) return [line];
    const band = {
      x: [...x, ...[...x].reverse()],
      y: [...points.map((p) => p.high), ...points.map((p) => p.low).reverse()],
      mode: "lines", fill: "toself", fillcolor: `${colour}22`, line: { width: 0 }, hoverinfo: "skip",
      showlegend: false, legendgroup: name, visible,
    };
    return [band, { ...line, legendgroup: name }];
  });
}

function bars(rows) {
  return series(rows).map(([name, points], number) => ({
    type: "bar", name, x: points.map((p) => p.x), y: points.map((p) => p.y),
    marker: { color: COLOURS[number % COLOURS.length] },
  }));
}

const GREY = [[0, "#9aa0a6"], [1, "#9aa0a6"]];

function heat(rows) {
  // The first row may lack a month that the next one has.
  const xs = [...new Set(rows.map((row) => row.x))].sort();
  const ys = [...new Set(rows.map((row) => row.y))];
  const valuesOf = (chosen) => {
    const values = ys.map(() => xs.map(() => null));
    for (const row of chosen) values[ys.indexOf(row.y)][xs.indexOf(row.x)] = row.value;
    return values;
  };
  const of = (name) => ys.map((y) => xs.map((x) =>
    rows.find((row) => row.x === x && row.y === y)?.[name] ?? ""));
  const extra = rows[0].link === undefined ? {} : {
    text: of("mark"), texttemplate: "%{text}", customdata: of("link"),
    hovertemplate: "%{y}<br>%{x}<br>%{z:.3f} %{text}<extra></extra>",
  };
  const cells = (isJudged, colours) => {
    const chosen = rows.filter((row) => (row.is_judged !== false) === isJudged);
    return chosen.length ? [{
      type: "heatmap", x: xs, y: ys, z: valuesOf(chosen), hoverongaps: false, ...colours, ...extra,
    }] : [];
  };
  return [
    ...cells(true, { colorscale: "Cividis" }), ...cells(false, { colorscale: GREY, showscale: false }),
  ];
}

function intervals(rows) {
  return [{
    type: "scatter", mode: "markers+text", x: rows.map((r) => r.x), y: rows.map((r) => r.y),
    text: rows.map((r) => r.mark ?? ""), textposition: "middle right", cliponaxis: false,
    marker: {
      color: COLOURS[0], size: 9, symbol: rows.map((r) => (r.is_judged === false ? "circle-open" : "circle")),
    },
    error_y: {
      type: "data", symmetric: false, array: rows.map((r) => r.high - r.y),
      arrayminus: rows.map((r) => r.y - r.low), color: COLOURS[0],
    },
  }];
}

function across(rows) {
  return bars(rows).map((one) => ({ ...one, orientation: "h", x: one.y, y: one.x.map(folded) }));
}

// Long names on several lines, or they would leave the bars no room.
function folded(text) {
  return String(text).replace(/(.{30,}?) /g, "$1<br>");
}

const FATES = ["circle", "square", "diamond", "triangle-up", "cross"];

function network(rows) {
  const spokes = {
    x: rows.flatMap((row) => [0, row.x, null]), y: rows.flatMap((row) => [0, row.y, null]),
    mode: "lines", line: { color: "#8a929c66", width: 1 }, hoverinfo: "skip", showlegend: false,
  };
  const event = {
    x: [0], y: [0], mode: "markers", name: "the default", hoverinfo: "name",
    marker: { symbol: "star", size: 20, color: COLOURS[4] },
  };
  const actions = [...new Set(rows.map((row) => row.strategy))].sort();
  const fates = [...new Set(rows.map((row) => row.status))].sort();
  const groups = series(rows.map((row) => ({
    ...row, series: row.status === null ? row.strategy : `${row.strategy}, ${row.status}`,
  })));
  const most = Math.max(...rows.map((row) => row.joint_risk_index), 1e-9);
  return [spokes, event, ...groups.map(([name, points]) => ({
    x: points.map((p) => p.x), y: points.map((p) => p.y), name, mode: "markers+text",
    text: points.map((p) => p.number), textfont: { size: 9, color: "#ffffff" },
    customdata: points.map((p) => (p.borrower_key === MASK ? "" : `borrower/${encodeURIComponent(p.borrower_key)}`)),
    hovertext: points.map((p) =>
      `${p.number}: ${p.region} · ${p.industry}<br>index ${shown(p.joint_risk_index)}, lift ${shown(p.link_lift)}<br>${name}`),
    hoverinfo: "text",
    marker: {
      color: COLOURS[actions.indexOf(points[0].strategy) % 4],
      symbol: FATES[fates.indexOf(points[0].status) % FATES.length],
      size: points.map((p) => 14 + 14 * p.joint_risk_index / most),
    },
  }))];
}

function curves(rows) {
  return series(rows).map(([name, points]) => ({
    x: points.map((p) => p.x), y: points.map((p) => p.y), name, mode: "lines",
    line: {
      shape: "hv", color: COLOURS[name.startsWith("good") ? 0 : 1],
      dash: name.endsWith("months") ? "dot" : name.startsWith("good") ? "solid" : "dash",
    },
  }));
}

// The largest distance, as a line between the two curves.
function marked(mark, ink) {
  if (!mark) return {};
  return {
    shapes: [{ type: "line", x0: mark.x, x1: mark.x, y0: mark.low, y1: mark.high, line: { color: ink, width: 3 } }],
    annotations: [{ x: mark.x, y: (mark.low + mark.high) / 2, text: mark.text, showarrow: true, ax: 70, ay: 0, font: { color: ink } }],
  };
}

const DRAWN = { line: lines, bar: bars, stack: bars, across, heat, interval: intervals, network, curve: curves };
const NO_AXIS = { visible: false, range: [-1.35, 1.35] };

// What a kind of chart needs beyond axes; `rows` is what it draws.
function layoutOf(kind, rows) {
  if (kind === "network") {
    return { xaxis: NO_AXIS, yaxis: { ...NO_AXIS, scaleanchor: "x" }, height: 540 };
  }
  if (kind === "across") {
    const names = new Set(rows.map((row) => row.x)).size;
    return { yaxis: { automargin: true, autorange: "reversed" }, height: 120 + 44 * names, barmode: "stack" };
  }
  if (kind === "stack") return { barmode: "stack" };
  return hasMany(rows) ? { height: 560 } : {};
}

function hasMany(rows) {
  return new Set(rows.map((row) => row.series)).size > MOST_LINES;
}

function legendOf(rows) {
  return hasMany(rows) ? { orientation: "h", y: -0.3, yanchor: "top" }
    : { orientation: "h", y: 1.02, yanchor: "bottom" };
}

// Months of a few cohorts, or names: no axis of time, which would show fractions of seconds.
function isOfNames(kind, rows) {
  return kind === "heat" || (kind !== "curve" && new Set(rows.map((row) => row.x)).size <= 3);
}

// Plotly reads a little HTML in names: what comes from the data must not be any.
function inert(value) {
  return typeof value === "string" ? value.replace(/&/g, "&amp;").replace(/</g, "&lt;") : value;
}

async function draw(place) {
  try {
    const found = await asked(place.dataset.chart, JSON.parse(place.dataset.given || "{}"));
    const rows = found.rows.map((row) =>
      Object.fromEntries(Object.entries(row)
        .map(([name, value]) => [name, name === "link" ? value : inert(value)])));
    place.replaceChildren();
    if (!rows.length) {
      place.append(made("p", "Nothing to draw for this month.", { class: "quiet" }));
      return;
    }
    pictures.push(() => picture(place, found, rows));
    await picture(place, found, rows);
    place.on("plotly_click", ({ points }) => {
      const leads = points[0].customdata;
      if (typeof leads === "string" && leads) location.assign(root + leads);
    });
  } catch (error) {
    place.replaceChildren(made("p", error.message, { class: "quiet" }));
  }
}

// Draws, or draws anew in the colours of now.
function picture(place, found, rows) {
  const ink = isDark() ? "#e8eaed" : "#1d2126";
  const line = isDark() ? "#3a414a" : "#d0d4d9";
  const axis = (title) => ({ title: { text: title }, gridcolor: line, automargin: true, zerolinecolor: line });
  const layout = {
    margin: { t: 10, r: 10, b: 50, l: 50 }, height: 400, font: { color: ink },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    xaxis: axis(found.x_title), yaxis: axis(found.y_title), barmode: "group",
    legend: legendOf(rows), hovermode: "closest",
    ...layoutOf(found.kind, rows), ...marked(found.mark, ink),
  };
  if (isOfNames(found.kind, rows)) layout.xaxis.type = "category";
  return Plotly.react(place, DRAWN[found.kind](rows), layout, { responsive: true, displaylogo: false });
}

function begin() {
  const select = document.getElementById("month");
  if (select) select.addEventListener("change", () => select.form.submit());
  for (const place of document.querySelectorAll("[data-chart]")) draw(place);
  for (const listing of document.querySelectorAll("details.listing")) {
    const open = () => {
      const place = listing.querySelector("[data-table]");
      if (listing.open && !place.dataset.begun) {
        place.dataset.begun = "yes";
        new Table(place);
      }
    };
    listing.addEventListener("toggle", open);
    open();
  }
}
begin();
