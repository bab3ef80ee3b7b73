// Renewals: begun from the certificate, ordered with WeChat and with Alipay; a mixed order; the invoice by itself at the
// end (manual rows F-7, F-9, F-11).

import assert from "node:assert/strict";
import path from "node:path";
import { download, fill, headed, press, typed } from "../../lib/forms.mjs";
import { codesIn, textOf } from "../../lib/tools.mjs";
import { accept } from "./applying.mjs";
import { make, papersHaveCome, ship } from "./making.mjs";
import { wrongAmount } from "./odd_money.mjs";
import { A_WHILE, choose, details, order } from "./ordering.mjs";
import { handler, ofUnit, unit } from "./people.mjs";

export async function renewing({ world, browser, report, eyes, files, story }) {
  const { applicant } = story;
  const { page } = applicant;
  story.payer = await browser.person({ phone: true });

  await report.step("a renewal asks first which certificate it is about", async () => {
    await page.goto(applicant.at("/services/fujian/renew-enterprise/new"));
    await page.getByRole("radio").first().waitFor();
    await eyes.look(page, "fujian-renewal-choose");
    await page.getByRole("radio").first().check();
    await press(page, "下一步");
    await headed(page, "填写中");
    story.renewals = [new URL(page.url()).pathname];
  });
  await report.step("the form is filled in from the certificate", async () => {
    await applicant.agree(story.renewals[0]);
    await page.goto(applicant.at(`${story.renewals[0]}/steps/application`));
    const known = { 单位名称: unit.name, 统一社会信用代码: unit.uscc };
    assert.deepEqual(await typed(page, Object.keys(known)), known);
    assert.match((await typed(page, ["证书序列号"])).证书序列号, /^[0-9a-f]{8,}$/);
    await eyes.look(page, "fujian-renewal-form");
    await hand(applicant, story.renewals[0], story.scans);
    await eyes.look(page, "fujian-renewal-submitted");
  });
  await report.step("the other certificate's renewal begins in the same way", async () => {
    await page.goto(applicant.at("/services/fujian/renew-enterprise/new"));
    await page.getByRole("radio").nth(1).check();
    await press(page, "下一步");
    await headed(page, "填写中");
    story.renewals.push(new URL(page.url()).pathname);
    await applicant.agree(story.renewals[1]);
    await page.goto(applicant.at(`${story.renewals[1]}/steps/application`));
    await hand(applicant, story.renewals[1], story.scans);
  });
  await report.step("with a new certificate in the order, bank transfer is the only way; renewals alone have all", async () => {
    story.spare = await applicant.apply("new-enterprise", ofUnit(unit), story.scans);
    await choose(applicant, [story.spare, story.renewals[0]]);
    await page.getByText("合计").first().waitFor();
    assert.equal(await page.getByText("微信支付").count(), 0, "no WeChat for a mixed order");
    await eyes.look(page, "fujian-order-mixed");
    await choose(applicant, [story.renewals[0]]);
    await page.getByText("微信支付").first().waitFor();
    await page.getByText("支付宝").first().waitFor();
    await page.getByText(/对公转账|银行汇款/).first().waitFor();
  });
  await report.step("the details are those of last time", async () => {
    assert.equal((await typed(page, ["收件地址"])).收件地址, handler.address);
    await eyes.look(page, "fujian-order-renewal");
  });
  await report.step("the first renewal is ordered, to be paid by WeChat", async () => {
    story.paidOnline = [await order(applicant, [story.renewals[0]], { ...details(unit), 付款方式: "微信支付" })];
    await headed(page, /微信/);
    await eyes.look(page, "fujian-pay-wechat");
  });
  await wrongAmount({ world, report, eyes, files, story });
  await report.step("it is paid, and the page goes on by itself", async () => {
    await scan(world, story.payer, "wechat", await code(page, files, /^weixin:/));
    await headed(page, "付款成功");
    await eyes.look(page, "fujian-paid");
  });
  await report.step("the second one by Alipay", async () => {
    story.paidOnline.push(await order(applicant, [story.renewals[1]], { 付款方式: "支付宝" }));
    await headed(page, /支付宝/);
    await scan(world, story.payer, "alipay", await code(page, files, /^https?:/));
    await headed(page, "付款成功");
  });
  await report.step("the receipt of a renewal asks for the key", async () => {
    const file = path.join(files, "续费回执.pdf");
    await page.goto(applicant.at(story.paidOnline[0]));
    await download(page, page.getByRole("link", { name: /下载回执/ }).first(), file);
    const text = await textOf(file);
    assert(text.includes("KEY") && text.includes(unit.name), text);
  });
}

/** The work on both, and what it leads to. */
export async function renewed({ report, eyes, files, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("both are accepted, made and sent", async () => {
    for (const [place, path] of story.renewals.entries()) {
      await accept(story.reviewer, path);
      await story.reviewer.state("待收 KEY");
      await papersHaveCome(story.reviewer, path);
      await make(story.maker, path, files, `renewal-${place}`);
      await ship(story.shipper, path, `EB12345678${place}CN`);
    }
  });
  await report.step("now that the work is done the invoice comes by itself", async () => {
    for (const path of story.paidOnline) {
      await page.goto(applicant.at(path));
      await page.getByRole("link", { name: /下载发票/ }).first().waitFor({ timeout: A_WHILE });
    }
    await eyes.look(page, "fujian-order-renewed");
  });
  await report.check("the old certificates are shown as renewed", async () => {
    await page.goto(applicant.at("/certificates"));
    await page.locator("td .tag", { hasText: "已续费" }).first().waitFor();
    await eyes.look(page, "fujian-certificates-renewed");
  });
}

/** Fills in what the certificate does not say, uploads and submits. */
export async function hand(applicant, path, scans) {
  const { 单位名称: _, 统一社会信用代码: __, ...answers } = ofUnit(unit);
  await fill(applicant.page, answers);
  await press(applicant.page, "保存并继续");
  await applicant.uploadAll(path, scans);
  await applicant.submit(path);
  await applicant.state("待审核");
}

export async function code(page, files, form) {
  const picture = path.join(files, "fujian-payment.png");
  await page.locator(".qr").screenshot({ path: picture });
  const [said] = await codesIn(picture);
  assert.match(said, form);
  return said;
}

/** The payer's phone scans the code and pays, as the button says. */
export async function scan(world, payer, provider, said, button = "付款") {
  await payer.goto(`${world.simulators.address}/${provider}/scan?code_url=${encodeURIComponent(said)}`);
  await press(payer, button);
  await payer.getByText("已支付").first().waitFor();
}
