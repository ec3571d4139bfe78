// A browser that is logged in, and what it noticed: errors, requests elsewhere, faults.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const asked = JSON.parse(process.argv[2]);
const noticed = { errors: [], elsewhere: [], scripts: 0 };

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
    && all("details[open]:not([hidden]) [role=status]").every((status) => status.textContent);
};

export async function open(path) {
  await page.goto(`${asked.url}/comove/${path}`, { waitUntil: "networkidle" });
  await page.waitForFunction(isDrawn, undefined, { timeout: 60000 });
}

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
    seen.push({
      page: path, theme, picture: await picture(`${name}-${theme}`), faults: await faults(),
      overflow: await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
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
