// A browser that is logged in, and what it noticed: errors, requests elsewhere, faults.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const asked = JSON.parse(process.argv[2]);
export const noticed = { errors: [], elsewhere: [], scripts: 0 };

const browser = await chromium.launch({ executablePath: asked.browser, args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
export const page = await context.newPage();
page.on("console", (message) => { if (message.type() === "error") noticed.errors.push(message.text()); });
page.on("pageerror", (error) => noticed.errors.push(String(error)));
page.on("dialog", (dialog) => { noticed.scripts += 1; dialog.dismiss(); });
page.on("request", (request) => {
  const url = request.url();
  if (!url.startsWith(asked.url) && !/^(data|blob):/.test(url)) noticed.elsewhere.push(url);
});

await page.goto(asked.url);
await page.fill("input[name=username]", asked.user);
await page.fill("input[name=password]", asked.password);
await page.keyboard.press("Enter");
await page.waitForSelector("text=comove", { timeout: 60000 });

const isDrawn = () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  return all(".plot").every((plot) => !plot.textContent.startsWith("Loading"))
    && all("details.listing[open]:not([hidden]) [data-table]")
      .every((table) => table.querySelector("[role=status]")?.textContent);
};

export async function open(path) {
  await page.goto(`${asked.url}/comove/${path}`, { waitUntil: "networkidle" });
  await page.waitForFunction(isDrawn, undefined, { timeout: 60000 });
}

// Opens what is folded; what could not be drawn or listed says so in its place only.
async function unfolded() {
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  await page.waitForFunction(isDrawn, undefined, { timeout: 60000 });
  return page.evaluate(() => {
    const all = (selector) => [...document.querySelectorAll(selector)];
    const charts = all("[data-chart]");
    const isEmpty = (chart) => chart.textContent === "Nothing to draw for this month.";
    const isPlot = (chart) => chart.matches(".js-plotly-plot") && chart.querySelector(".main-svg");
    const statuses = all("details.listing:not([hidden]) [role=status]").map((one) => one.textContent);
    return {
      charts: charts.length, plots: charts.filter(isPlot).length, empty: charts.filter(isEmpty).length,
      listings: all("details.listing").length,
      failed: [
        ...charts.filter((one) => !isPlot(one) && !isEmpty(one)).map((one) => one.textContent),
        ...statuses.filter((text) => !/^[0-9,]+ rows, page /.test(text)),
      ],
    };
  });
}

// Rows of a table are alike: of each, axe looks at the first ones.
const shorten = () => document.querySelectorAll("tbody tr:nth-child(n+4)").forEach((row) => row.remove());

export async function picture(name) {
  const path = `${asked.pictures}/${name}.png`;
  await page.screenshot({ path, fullPage: true });
  return path;
}

// In a world of its own, which the page's policy on scripts does not bind.
async function faults() {
  const session = await context.newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const told = await session.send("Runtime.evaluate", {
    contextId: executionContextId, awaitPromise: true, returnByValue: true,
    expression: `${axe}; axe.run().then((found) => found.violations
      .filter((fault) => ["serious", "critical"].includes(fault.impact))
      .map((fault) => fault.id + ": " + fault.nodes[0].html))`,
  });
  return told.result.value ?? [String(told.exceptionDetails?.text)];
}

// Light and wide, then dark (as Airflow's own switch keeps it) and as narrow as a phone.
const LOOKS = [["light", 1280], ["dark", 390]];

export async function look(path, name) {
  const seen = [];
  for (const [theme, width] of LOOKS) {
    Object.assign(noticed, { errors: [], elsewhere: [] });
    await page.setViewportSize({ width, height: 900 });
    await page.evaluate((chosen) => localStorage.setItem("theme", chosen), theme);
    await open(path);
    const taken = await picture(`${name}-${theme}`);
    const content = await unfolded();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await page.evaluate(shorten);
    seen.push({
      page: path, theme, picture: taken, overflow, ...content, faults: await faults(),
      shown: await page.evaluate(() => document.documentElement.dataset.theme),
      errors: noticed.errors, elsewhere: noticed.elsewhere,
    });
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.evaluate(() => localStorage.setItem("theme", "light"));
  return seen;
}

export async function downloaded(selector) {
  const arrives = page.waitForEvent("download");
  await page.click(selector);
  let text = "";
  for await (const piece of await (await arrives).createReadStream()) text += piece;
  return text;
}

export const settled = () => page.waitForLoadState("networkidle").then(() => page.waitForTimeout(500));

export async function tell(found) {
  await browser.close();
  console.log(JSON.stringify({ ...found, scripts_run: noticed.scripts }));
}
