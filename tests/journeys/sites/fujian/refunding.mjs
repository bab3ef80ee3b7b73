// Money that goes back, and the books at the end of the day.

import assert from "node:assert/strict";
import { fill, follow, headed, press } from "../../lib/forms.mjs";
import { run } from "../../lib/processes.mjs";
import { A_WHILE, details, order } from "./ordering.mjs";
import { otherUnit } from "./people.mjs";

export async function refunding({ report, eyes, story }) {
  const { applicant, finance, reviewer } = story;
  const { page } = applicant;

  await report.step("an order of the other unit is paid by transfer, a fen too much", async () => {
    story.unwanted = await order(applicant, [story.elsewhere], { ...details(otherUnit) });
    await finance.page.goto(finance.at(`/console${story.unwanted}`));
    await fill(finance.page, { "到账金额（元）": "280.01", 银行流水号: "FJ20261120009", 付款户名: otherUnit.name });
    await press(finance.page, "登记到账");
    await finance.page.getByText("多出的 0.01 元").first().waitFor();
    await eyes.look(finance.page, "fujian-console-excess");
    await press(finance.page, "确认登记");
    await page.goto(applicant.at(story.unwanted));
    await page.getByRole("link", { name: /下载发票/ }).first().waitFor({ timeout: A_WHILE });
  });
  await report.step("the applicant withdraws, and finance agrees to the refund", async () => {
    await page.goto(applicant.at(story.elsewhere));
    await follow(page, "撤回申请");
    await fill(page, { 撤回的原因: "业务有变，暂时不办理。" });
    await eyes.look(page, "fujian-withdraw");
    await press(page, "撤回申请");
    await headed(page, "退款申请中");
    await eyes.look(page, "fujian-case-refund-asked");
    await finance.open(story.elsewhere);
    await follow(finance.page, "同意退款");
    await press(finance.page, "同意退款");
    await finance.page.locator(".case-head .tag", { hasText: "退款中" }).waitFor();
  });
  await report.step("what is to go back by hand waits in a list, with the payer's name", async () => {
    await finance.page.goto(finance.at("/console/refunds"));
    await finance.page.getByText(otherUnit.name).first().waitFor();
    await eyes.look(finance.page, "fujian-console-refunds");
    for (let place = 0; place < 2; place += 1) {
      await finance.page.goto(finance.at("/console/refunds"));
      await finance.page.getByLabel(/流水号/).first().fill(`FJBACK000${place}`);
      await press(finance.page, "登记已转出");
      await finance.page.getByText("退款已登记").first().waitFor();
    }
  });
  await report.step("the application is cancelled, the money is shown as gone back, the invoice is voided", async () => {
    await headed(page, "已取消");
    await page.goto(applicant.at(story.unwanted));
    await page.getByText("已红冲作废").first().waitFor({ timeout: A_WHILE });
    await eyes.look(page, "fujian-order-refunded");
  });
  await report.check("finance's other pages", async () => {
    for (const [address, name] of [
      ["/console/invoices", "fujian-console-invoices"],
      ["/console/payments", "fujian-console-payments"],
      ["/console/reconciliation", "fujian-console-reconciliation"],
      ["/console/ledger", "fujian-console-ledger"],
      ["/console/statements", "fujian-console-statements"],
    ]) {
      await finance.page.goto(finance.at(address));
      await eyes.look(finance.page, name);
    }
  });
}

export async function closing({ world, report }) {
  await report.step("the books balance, and the history is whole", async () => {
    const books = await run(world.program, "ledger", "verify", ...world.places);
    assert.match(books, /fujian/);
    assert.match(await run(world.program, "audit", "verify", ...world.places), /the history is sound/);
  });
}
