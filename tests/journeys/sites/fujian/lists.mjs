// Lists that are longer than a page, narrowed and gone through (manual rows C-4, C-6, F-13).

import assert from "node:assert/strict";
import { handler, otherUnit, unit } from "./people.mjs";

/** Lines of a page: the applicant's lists, and the console's. */
const MINE = 20;
const THEIRS = 30;

export async function lists({ report, eyes, story }) {
  const { applicant, finance, reviewer } = story;
  const { page } = applicant;
  const desk = finance.page;

  await report.step("somebody begins and orders often", async () => {
    const path = await page.evaluate(many, [story.spare.split("/").at(-1), MINE + 2, THEIRS + 2]);
    assert.match(path, /^\/orders\//);
    story.lastClosed = path;
  });
  await report.step("my applications: page by page, and narrowed", async () => {
    const all = await through(page, applicant.at("/cases"), MINE);
    assert(all.length > MINE, `${all.length}`);
    await eyes.look(page, "fujian-cases-last-page");
    await narrow(page, { 状态: /^填写中/ });
    const drafts = await through(page, page.url(), MINE);
    assert(drafts.length > MINE && drafts.length < all.length, `${drafts.length} drafts of ${all.length}`);
    await page.goto(applicant.at("/cases"));
    await narrow(page, { 名称或受理号: otherUnit.name });
    assert.deepEqual(await keys(page), [story.elsewhere]);
    await narrow(page, { 名称或受理号: "没有这个名称" });
    await page.getByText("没有符合条件的申请").waitFor();
    await page.getByRole("link", { name: "清除条件" }).click();
    assert.equal((await keys(page)).length, MINE);
    await narrow(page, { 业务: "个人证书新办" });
    assert((await texts(page, "业务")).every((text) => text.includes("个人证书新办")));
  });
  await report.step("my orders: page by page, by state, by number", async () => {
    const all = await through(page, applicant.at("/orders"), MINE);
    assert(all.length > THEIRS, `${all.length}`);
    await page.goto(applicant.at("/orders"));
    await page.getByRole("navigation", { name: "按状态查看订单" }).getByRole("link", { name: "已关闭" }).click();
    const closed = await through(page, page.url(), MINE);
    assert(closed.length > THEIRS && closed.length < all.length, `${closed.length} closed of ${all.length}`);
    assert((await texts(page, "状态")).every((text) => text.includes("已关闭")));
    await eyes.look(page, "fujian-orders-closed");
    await page.goto(applicant.at(story.order));
    const number = await page.locator("h1 .number").innerText();
    await page.goto(applicant.at("/orders"));
    await narrow(page, { 订单号或申请名称: number });
    assert.deepEqual(await keys(page), [story.order]);
  });
  await report.step("finance's orders: by state, way to pay, day and number", async () => {
    const closed = await through(desk, finance.at("/console/orders?state=closed"), THEIRS);
    assert(closed.length > THEIRS, `${closed.length}`);
    await eyes.look(desk, "fujian-console-orders-closed");
    await desk.goto(finance.at("/console/orders"));
    await narrow(desk, { 付款方式: "微信支付", 状态: "全部" });
    assert.deepEqual(await keys(desk), [`/console${story.paidOnline[0]}`]);
    const today = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(new Date());
    await narrow(desk, { 付款方式: "全部", 下单日期从: today, 到: today });
    assert.equal((await keys(desk)).length, THEIRS);
    await narrow(desk, { 下单日期从: "2020-01-01", 到: "2020-01-31" });
    await desk.getByText("没有符合条件的订单").waitFor();
    await desk.getByRole("link", { name: "清除条件" }).click();
    await narrow(desk, { "订单号、附言号、受理号、申请名称或渠道交易号": story.reference });
    assert.deepEqual(await keys(desk), [`/console${story.order}`]);
  });
  await report.step("clerks' applications and certificates are narrowed too", async () => {
    const { page: review } = reviewer;
    await review.goto(reviewer.at("/console/search"));
    await narrow(review, { 状态: /^填写中/ }, "筛选");
    assert((await keys(review)).length >= MINE);
    await review.goto(reviewer.at("/console/queues/reviewer"));
    await narrow(review, { 业务: "企业证书新办" });
    assert((await texts(review, "业务")).every((text) => text.includes("企业证书新办")));
    await review.goto(reviewer.at("/console/certificates"));
    const all = (await keys(review)).length;
    await narrow(review, { 名称或证书序列号: handler.name });
    assert.equal((await keys(review)).length, 1);
    await narrow(review, { 名称或证书序列号: unit.name, 状态: "已续费或更换" });
    const replaced = (await keys(review)).length;
    assert(replaced > 0 && replaced < all, `${replaced} of ${all}`);
    await narrow(review, { 状态: "全部", 到期: "30 天内" });
    await review.getByText("没有符合条件的证书").waitFor();
  });
}

/** Runs in the page: begins `drafts` applications, and `orders` times orders one and cancels that. Gives the last order. */
async function many([id, drafts, orders]) {
  const read = async (answer) => {
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };
  /** Sends the form in the middle of a page as it stands there. */
  const send = async (path) => {
    const form = (await read(await fetch(path))).querySelector("main form[method=post]");
    const to = form.getAttribute("action") ?? path;
    const answer = await fetch(to, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    await read(answer);
    return new URL(answer.url).pathname;
  };
  for (let made = 0; made < drafts; made += 1) await send("/services/fujian/new-personal");
  let path = "";
  for (let made = 0; made < orders; made += 1) {
    path = (await send(`/orders/new/details?case=${id}`)).replace(/\/pay$/, "");
    await send(`${path}/cancel`);
  }
  return path;
}

/** Where the lines of a list lead. */
async function keys(page) {
  return page.locator("tbody tr td.lead a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
}

/** What the lines say under this heading. */
async function texts(page, heading) {
  const found = await page.locator(`tbody td[data-label="${heading}"]`).allInnerTexts();
  assert(found.length > 0, `no line has ${heading}`);
  return found;
}

/** Goes from page to page: every page but the last is full, nothing comes twice, and the first is found again. */
async function through(page, address, lines) {
  await page.goto(address);
  const first = await keys(page);
  const all = [...first];
  const next = page.getByRole("link", { name: "下一页" });
  while (await next.count()) {
    assert.equal((await keys(page)).length, lines, "a page before the last is full");
    await next.click();
    all.push(...(await keys(page)));
  }
  assert.equal(new Set(all).size, all.length, "no line comes twice");
  if (all.length > lines) {
    await page.getByRole("link", { name: "回到第一页" }).click();
    assert.deepEqual(await keys(page), first);
  }
  return all;
}

/** Narrows a list by the labels of its filters. */
async function narrow(page, answers) {
  const filters = page.locator("form.filters");
  for (const [label, answer] of Object.entries(answers)) {
    const place = filters.getByLabel(label, { exact: true });
    if ((await place.evaluate((element) => element.tagName)) === "SELECT") {
      const options = await place.locator("option").allInnerTexts();
      const found = options.find((option) => (answer instanceof RegExp ? answer.test(option) : option === answer));
      await place.selectOption({ label: found ?? assert.fail(`${label} has no ${answer}: ${options}`) });
    } else {
      await place.fill(answer);
    }
  }
  await filters.getByRole("button", { name: "筛选" }).click();
}
