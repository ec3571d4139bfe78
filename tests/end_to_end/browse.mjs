// Opens comove's pages as a viewer does, and tells what it saw as one line of JSON.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const asked = JSON.parse(process.argv[2]);

const browser = await chromium.launch({ executablePath: asked.browser, args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
const page = await context.newPage();
let errors = [];
let elsewhere = [];
let scripts = 0;
page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
page.on("pageerror", (error) => errors.push(String(error)));
page.on("dialog", (dialog) => { scripts += 1; dialog.dismiss(); });
page.on("request", (request) => {
  const url = request.url();
  if (!url.startsWith(asked.url) && !/^(data|blob):/.test(url)) elsewhere.push(url);
});

await page.goto(asked.url);
await page.fill("input[name=username]", "viewer");
await page.fill("input[name=password]", asked.password);
await page.keyboard.press("Enter");
await page.waitForSelector("text=comove", { timeout: 60000 });

const isDrawn = () => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  return all(".plot").every((plot) => !plot.textContent.startsWith("Loading"))
    && all("details[open] [role=status]").every((status) => status.textContent);
};

const pages = [];
for (const slug of asked.pages) {
  errors = [];
  elsewhere = [];
  await page.goto(`${asked.url}/comove/${slug}`, { waitUntil: "networkidle" });
  await page.waitForFunction(isDrawn, undefined, { timeout: 60000 });
  const picture = `${asked.pictures}/${slug || "overview"}.png`;
  await page.screenshot({ path: picture, fullPage: true });
  const seen = { page: slug, picture, errors, elsewhere };
  // In a world of its own, which the page's policy on scripts does not bind.
  const session = await context.newCDPSession(page);
  const { frameTree } = await session.send("Page.getFrameTree");
  const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  const told = await session.send("Runtime.evaluate", {
    contextId: executionContextId, awaitPromise: true, returnByValue: true,
    expression: `${axe}; axe.run().then((found) => found.violations
      .filter((fault) => ["serious", "critical"].includes(fault.impact))
      .map((fault) => fault.id + ": " + fault.nodes[0].html))`,
  });
  pages.push({ ...seen, faults: told.result.value ?? [String(told.exceptionDetails?.text)] });
}

const cell = (column) => page.evaluate((name) => {
  const table = document.querySelector("details[open] table");
  const names = [...table.querySelectorAll("th button")].map((b) => b.textContent.split(" ")[0]);
  return table.querySelector("tbody tr").children[names.indexOf(name)].textContent;
}, column);
const settled = () => page.waitForLoadState("networkidle").then(() => page.waitForTimeout(700));

await page.goto(`${asked.url}/comove/joint-risk`, { waitUntil: "networkidle" });
await page.waitForSelector(".js-plotly-plot .main-svg");
const plots = await page.locator(".js-plotly-plot").count();
const months = [await cell("as_of_month")];
const arrives = page.waitForEvent("download");
await page.click("details[open] >> text=Download CSV");
const stream = await (await arrives).createReadStream();
let text = "";
for await (const piece of stream) text += piece;
const sorting = page.locator("details[open] th button", { hasText: "borrower_key" });
await sorting.click();
await settled();
await sorting.click();
await settled();
const sorted = await cell("borrower_key");
await page.fill("details[open] input[type=search]", "0000000000000000000000000000119");
await settled();
const searched = await page.textContent("details[open] [role=status]");
await page.selectOption("#month", "2024-05");
await page.waitForURL("**month=2024-05**");
await settled();
months.push(await cell("as_of_month"));
await browser.close();
console.log(JSON.stringify({
  pages, plots, months, sorted, searched, scripts_run: scripts,
  downloaded: text.trim().split("\n").length,
}));
