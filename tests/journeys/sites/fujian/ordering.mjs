// One order over several applications (manual rows F-6 to F-8).

import assert from "node:assert/strict";
import { fill, follow, headed, press, refused, typed } from "../../lib/forms.mjs";
import { handler, otherUnit, unit } from "./people.mjs";

/** How long an invoice may take, in milliseconds: the provider is asked every few seconds. */
export const A_WHILE = 60_000;

/** What an order asks for, by label. */
export const details = (unit) => ({
  抬头类型: "单位",
  发票抬头: unit.name,
  纳税人识别号: unit.uscc,
  收票邮箱: handler.email,
  收件人: handler.name,
  收件手机: handler.mobile,
  收件地址: handler.address,
  姓名: handler.name,
  手机: handler.mobile,
});

/** Ticks these of the applications that can be ordered: by their paths. */
export async function choose(applicant, paths) {
  const { page } = applicant;
  await page.goto(applicant.at("/orders/new"));
  for (const box of await page.getByRole("main").getByRole("checkbox").all()) {
    await box.setChecked(paths.includes(`/cases/${await box.inputValue()}`));
  }
  await press(page, "下一步");
}

/** Orders them, and gives the path of the order. */
export async function order(applicant, paths, answers) {
  await choose(applicant, paths);
  await fill(applicant.page, answers);
  await press(applicant.page, "提交订单");
  await applicant.page.waitForURL(/\/orders\/[^/]+\/pay$/);
  return new URL(applicant.page.url()).pathname.replace(/\/pay$/, "");
}

export async function ordering({ report, eyes, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("applications of two units are refused as one order, with the reason, and the choice is kept", async () => {
    await page.goto(applicant.at(story.first));
    await follow(page, "下单付款");
    await eyes.look(page, "fujian-order-choose");
    await choose(applicant, [story.first, story.second, story.elsewhere]);
    await page.getByText(`“${unit.name}”`).first().waitFor();
    await page.getByText(`“${otherUnit.name}”`).first().waitFor();
    await eyes.look(page, "fujian-order-refused");
  });
  await report.step("a new certificate can be paid by bank transfer only", async () => {
    await choose(applicant, [story.first, story.second]);
    await page.getByText("合计").first().waitFor();
    assert.equal(await page.getByText("微信支付").count(), 0);
    assert.equal(await page.getByText("支付宝").count(), 0);
    await eyes.look(page, "fujian-order-details");
  });
  await report.step("a wrong taxpayer number is refused, and what was typed stays", async () => {
    await fill(page, { ...details(unit), 纳税人识别号: "123" });
    await press(page, "提交订单");
    await refused(page, "纳税人识别号", /纳税人识别号|位/);
    assert.equal((await typed(page, ["收件地址"])).收件地址, handler.address);
    await eyes.look(page, "fujian-order-details-refused");
  });
  await report.step("the order is made, and says where to transfer what under which number", async () => {
    await fill(page, { 纳税人识别号: unit.uscc });
    await press(page, "提交订单");
    await page.waitForURL(/\/orders\/[^/]+\/pay$/);
    story.order = new URL(page.url()).pathname.replace(/\/pay$/, "");
    await headed(page, "对公转账");
    story.reference = await fact(page, "reference");
    assert.match(story.reference, /^\d{9}$/);
    // 200 + 60, 400 + 60, and 20 for the post.
    assert.match(await fact(page, "amount"), /740\.00/);
    await eyes.look(page, "fujian-transfer");
  });
  await report.step("until it is paid, an application can be taken out and put in again", async () => {
    await page.goto(applicant.at(`${story.order}/edit`));
    await eyes.look(page, "fujian-order-edit");
    await tick(page, story.second, false);
    await press(page, "下一步");
    await press(page, "保存修改");
    await page.goto(applicant.at(`${story.order}/pay`));
    assert.match(await fact(page, "amount"), /280\.00/);
    await page.goto(applicant.at(`${story.order}/edit`));
    await tick(page, story.second, true);
    await press(page, "下一步");
    await press(page, "保存修改");
    await page.goto(applicant.at(`${story.order}/pay`));
    assert.match(await fact(page, "amount"), /740\.00/);
  });
  await report.step("the slip can wait", async () => {
    await follow(page, "稍后上传");
    await headed(page, /^订单/);
    await eyes.look(page, "fujian-order");
  });
  await report.check("my orders", async () => {
    await page.goto(applicant.at("/orders"));
    await page.getByRole("link", { name: "上传汇款底单" }).first().waitFor();
    await eyes.look(page, "fujian-orders");
  });
}

/** A fact of the transfer that is to be made. */
export async function fact(page, name) {
  return page.locator(`.fact-${name} dd > span`).first().innerText();
}

async function tick(page, path, yes) {
  await page.locator(`input[value="${path.split("/").at(-1)}"]`).setChecked(yes);
}
