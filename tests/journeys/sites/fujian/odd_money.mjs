// Money that fits no order goes back: a wrong amount at WeChat.

import assert from "node:assert/strict";
import { field, headed, press } from "../../lib/forms.mjs";
import { until } from "../../lib/processes.mjs";
import { code, scan } from "./renewing.mjs";

const REASON = "支付金额与订单不一致，请按订单金额重新付款";

/** On the page with WeChat's code, the payer pays another amount; finance gives it back; the page has a code again. */
export async function wrongAmount({ world, report, eyes, files, story }) {
  const { applicant, finance } = story;
  const { page } = applicant;
  const [wrong] = story.paidOnline;
  const desk = finance.page;

  await report.step("what arrived in another amount pays nothing", async () => {
    await scan(world, story.payer, "wechat", await code(page, files, /^weixin:/), "付款，金额错误");
    await desk.goto(finance.at("/console/payments"));
    await until("the wrong amount is not listed", async () => {
      await desk.reload();
      return (await desk.getByRole("link", { name: "退回付款人" }).count()) > 0;
    });
    await eyes.look(desk, "fujian-console-odd-payments");
    await page.goto(applicant.at(wrong));
    await page.getByText("收到的金额与订单不一致").first().waitFor();
    await eyes.look(page, "fujian-order-wrong-amount");
  });
  await report.step("finance gives it back with a reason, and WeChat has it", async () => {
    await desk.getByRole("link", { name: "退回付款人" }).first().click();
    await headed(desk, "退回付款人");
    await field(desk, "退回原因（付款人可见）").fill("");
    await press(desk, "退回付款人");
    await desk.locator(".error-summary").getByText("请写明原因").first().waitFor();
    await field(desk, "退回原因（付款人可见）").fill(REASON);
    await eyes.look(desk, "fujian-console-give-back");
    await press(desk, "退回付款人");
    await desk.getByText("已全部退回").first().waitFor();
    const refunded = await until("WeChat was not asked for a refund", async () => {
      const answer = await fetch(`${world.simulators.address}/control/wechat/trades`);
      const { trades } = await answer.json();
      return trades.flatMap((trade) => trade.refunds ?? [])[0];
    });
    assert.equal(refunded.reason, REASON);
    await page.goto(applicant.at(wrong));
    await page.getByText(REASON).first().waitFor();
  });
  await report.step("the order can still be paid", async () => {
    await page.goto(applicant.at(`${wrong}/pay`));
    await press(page, "微信支付");
    await page.locator(".qr").waitFor();
  });
}
