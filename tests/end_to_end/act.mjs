// As an operator in Airflow's own pages: triggers a DAG by its form, is refused a wrong
// value, answers the question that follows, and finds the answer in comove's pages.
import { asked, open, page, picture, tell } from "./browser.mjs";

const DAG = "default_response";
const api = async (path) => (await page.request.get(`${asked.url}${path}`)).json();
// By the keyboard: what Airflow says of a refusal lies over the button for a while.
const trigger = () => page.getByTestId("trigger-dag-submit").press("Enter");

async function until(what, patience = 300) {
  for (let second = 0; second < patience; second += 0.5) {
    const found = await what();
    if (found) return found;
    await page.waitForTimeout(500);
  }
  throw new Error(`not within ${patience} s: ${what}`);
}

const runs = async () => (await api(`/api/v2/dags/${DAG}/dagRuns`)).dag_runs.map((one) => one.dag_run_id);
const before = await runs();
await page.goto(`${asked.url}/dags/${DAG}`);
await page.getByTestId("trigger-dag-button").click();
await page.fill("#element_month", "2024-13");
await trigger();
const refusal = page.getByText("Invalid input for param month").first();
await refusal.waitFor();
const refused = await refusal.textContent();
await picture("form-refused");
await page.fill("#element_month", "");
await page.fill("#element_borrower", asked.borrower);
await trigger();
const run = await until(async () => (await runs()).find((one) => !before.includes(one)));
const runPath = `/dags/${DAG}/runs/${encodeURIComponent(run)}`;
const asks = async () => {
  const { task_instances: tasks } = await api(`/api/v2/dags/${DAG}/dagRuns/${encodeURIComponent(run)}/taskInstances`);
  const failed = tasks.filter((task) => task.state === "failed").map((task) => task.task_id);
  if (failed.length) throw new Error(`failed: ${failed}`);
  return tasks.some((task) => task.task_id === "approve" && task.state === "awaiting_input");
};
await until(asks);
// At once: an answer must not be lost.
await page.goto(`${asked.url}${runPath}/tasks/approve/required_actions`);
await page.fill("#element_reason", "seen in the browser");
const question = await page.textContent("body");
await picture("question");
await page.getByTestId("hitl-option-Approve").click();
const state = await until(async () => {
  const { state: now } = await api(`/api/v2/dags/${DAG}/dagRuns/${encodeURIComponent(run)}`);
  return ["success", "failed"].includes(now) && now;
});

const events = await api(`/comove/joint-risk/table/risk-default_event?search=${asked.borrower}`);
const event = events.rows[0][events.columns.indexOf("event_id")];
await open(`event/${event}`);
await picture("event-approved");
const rows = await page.locator(".nodes tbody tr").evaluateAll((all) =>
  all.map((row) => [...row.children].slice(-3).map((cell) => cell.textContent)));
await tell({ refused, question, state, rows });
