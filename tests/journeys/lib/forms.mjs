// How people find things on a page: by what stands beside a field, never by what a program calls it.

import assert from "node:assert/strict";

/** Fills fields by their labels; a choice is given by its text. */
export async function fill(page, answers) {
  for (const [label, answer] of Object.entries(answers)) {
    const group = page.getByRole("radiogroup", { name: label, exact: true });
    if (await group.count()) {
      await group.getByText(answer, { exact: true }).click();
      continue;
    }
    const place = field(page, label);
    if ((await place.evaluate((element) => element.tagName)) === "SELECT") await place.selectOption({ label: answer });
    else await place.fill(answer);
  }
}

/** What stands in the fields now, by label. */
export async function typed(page, labels) {
  const values = {};
  for (const label of labels) {
    const group = page.getByRole("radiogroup", { name: label, exact: true });
    values[label] = (await group.count())
      ? await group.locator("label:has(:checked) > span").first().innerText()
      : await field(page, label).inputValue();
  }
  return values;
}

/** The field with this label, starred or not. */
export function field(page, label) {
  const whole = new RegExp(`^${label.replace(/[()（）]/g, "\\$&")}( \\*|（选填）)?$`);
  return page.getByLabel(whole);
}

export const press = (page, name) => page.getByRole("button", { name, exact: true }).first().click();
export const follow = (page, name) => page.getByRole("main").getByRole("link", { name, exact: true }).first().click();

/** Waits until the page has this heading, the whole of it or what the expression finds. */
export async function headed(page, name) {
  await page.getByRole("heading", { name, exact: typeof name === "string" }).first().waitFor();
}

/** Waits for the summary of what is wrong; it names the sentence and leads to the field, which says it again. */
export async function refused(page, label, sentence) {
  const summary = page.locator(".error-summary");
  await summary.getByText(sentence).first().waitFor();
  await summary.getByRole("link", { name: sentence }).first().click();
  const wrong = field(page, label).first();
  assert.equal(await wrong.getAttribute("aria-invalid"), "true", `${label} is marked`);
  const [id] = (await wrong.getAttribute("aria-describedby")).split(" ").filter((id) => id.endsWith("-error"));
  assert.match(await page.locator(`[id="${id}"]`).innerText(), new RegExp(sentence));
}

/** The sum in words that stands for the picture code: `三加五等于几？`. */
export function solve(question) {
  const digits = "零一二三四五六七八九";
  const [, a, sign, b] = /(.)(加|减)(.)等于几/.exec(question) ?? assert.fail(`no sum: ${question}`);
  const [x, y] = [digits.indexOf(a), digits.indexOf(b)];
  return String(sign === "加" ? x + y : x - y);
}

/** Clicks a link that leads to a file, and keeps the file. */
export async function download(page, link, file) {
  const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
  await download.saveAs(file);
  return download.suggestedFilename();
}
