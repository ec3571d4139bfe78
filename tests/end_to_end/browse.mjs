// Opens comove's pages, and uses a table as a reader does.
import { asked, downloaded, look, open, page, settled, tell } from "./browser.mjs";

const pages = [];
for (const [path, name] of asked.pages) pages.push(...await look(path, name));
if (!asked.uses) await tell({ pages });
else {
  const cell = (column) => page.evaluate((name) => {
    const table = document.querySelector("details[open] table");
    const names = [...table.querySelectorAll("th")].map((th) => th.textContent.split(" ")[0]);
    return table.querySelector("tbody tr").children[names.indexOf(name)].textContent;
  }, column);

  await open("joint-risk");
  await page.waitForSelector(".js-plotly-plot .main-svg");
  const plots = await page.locator(".js-plotly-plot").count();
  const months = [await cell("as_of_month")];
  const csv = await downloaded("details[open] >> text=Download CSV");
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

  // From the matrix to the curve of a cell, and from a network's table to a borrower, by
  // the keyboard only.
  await open("score-drift");
  await page.focus("details[open] td a");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/score-drift/cell?**");
  await page.waitForSelector(".js-plotly-plot .main-svg");
  const cellShown = await page.textContent("h1");
  await open("event/e1");
  await page.focus(".nodes td a");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/borrower/**");
  const led = new URL(page.url()).pathname;
  await tell({ pages, plots, months, csv, sorted, searched, cell: cellShown, led });
}
