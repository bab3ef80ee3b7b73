// Money that goes back, and the books at the end of the day.

import assert from "node:assert/strict";
import { field, fill, follow, headed, press, refused } from "../../lib/forms.mjs";
import { run } from "../../lib/processes.mjs";
import { A_WHILE, details, fact, order } from "./ordering.mjs";
import { handler, ofPerson, otherUnit } from "./people.mjs";

/** What a personal certificate for a year costs with key and post, in yuan. */
const OWN = "180.00";

export async function refunding({ report, eyes, story }) {
  const { applicant, finance, reviewer } = story;
  const { page } = applicant;

  await report.step("somebody asks for a certificate of their own, and orders it", async () => {
    const [, ...card] = story.scans;
    const scans = card.map(([, file, side]) => ["本人身份证", file, side]);
    story.own = await applicant.apply("new-personal", ofPerson(handler), scans);
    await eyes.look(page, "fujian-case-personal");
    story.ownOrder = await order(applicant, [story.own], { 抬头类型: "个人", 发票抬头: handler.name });
    assert.match(await fact(page, "amount"), new RegExp(`^${OWN}`));
  });
  await report.step("money for both comes with one transfer, and is booked for the wrong one, a fen too much", async () => {
    story.unwanted = await order(applicant, [story.elsewhere], { ...details(otherUnit) });
    await finance.page.goto(finance.at(`/console${story.unwanted}`));
    const sent = (280.01 + Number(OWN)).toFixed(2);
    await fill(finance.page, { "到账金额（元）": sent, 银行流水号: "FJ20261120009", 付款户名: otherUnit.name });
    await press(finance.page, "登记到账");
    const excess = (0.01 + Number(OWN)).toFixed(2);
    await finance.page.getByText(`多出的 ${excess} 元`).first().waitFor();
    await eyes.look(finance.page, "fujian-console-excess");
    await press(finance.page, "确认登记");
  });
  await report.step("what is too much is taken to the order that it was meant for", async () => {
    const desk = finance.page;
    await desk.getByRole("link", { name: "转到其他订单" }).click();
    await headed(desk, "转到其他订单");
    const to = field(desk, "转入订单的订单号或附言号");
    await to.fill("999999999");
    await press(desk, "下一步");
    await refused(desk, "转入订单的订单号或附言号", /没有找到这个订单/);
    await eyes.look(desk, "fujian-console-assign");
    await page.goto(applicant.at(`${story.ownOrder}/pay`));
    await to.fill(await fact(page, "reference"));
    await press(desk, "下一步");
    await headed(desk, "把这笔钱转到另一个订单");
    await eyes.look(desk, "fujian-console-assign-sure");
    await press(desk, "确认转入");
    await desk.getByText("付清").first().waitFor();
    await page.goto(applicant.at(story.ownOrder));
    await page.getByText("已付清").first().waitFor();
    await page.getByText(/从另一订单转入/).first().waitFor();
    await eyes.look(page, "fujian-order-assigned");
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
