// As a reader: from Airflow's own menu to a report, and to the dbt docs of the build.
import { asked, noticed, page, picture, tell } from "./browser.mjs";

const heading = async (where) => {
  await where.locator("h1").first().waitFor();
  return where.locator("h1").first().textContent();
};

// Airflow shows the pages in a frame of its own page; what Airflow logs is not ours.
await page.goto(asked.url);
await page.getByRole("link", { name: "comove" }).first().click();
const frame = page.frameLocator("iframe");
const entered = [await heading(frame)];
await frame.getByRole("link", { name: "Data quality" }).first().click();
await frame.locator("h1", { hasText: "Data quality" }).waitFor();
entered.push(await heading(frame));
await picture("menu");

Object.assign(noticed, { errors: [], elsewhere: [] });
await page.goto(`${asked.url}/comove/data-quality`);
await page.locator(".reports a").first().click();
await page.waitForURL("**/comove/reports/**");
const report = await heading(page);
await picture("report");

await page.goto(`${asked.url}/comove/`);
await page.getByRole("link", { name: "dbt docs" }).click();
await page.waitForURL("**/comove/docs**");
await page.goto(`${asked.url}/comove/docs#!/source/${asked.source}`);
await page.getByText(asked.column, { exact: true }).first().waitFor();
const documented = await page.textContent("body");
await picture("docs");
await tell({ entered, report, documented, errors: noticed.errors, elsewhere: noticed.elsewhere });
