// The first review: refused once with reasons, corrected, passed; then the payment.

import assert from "node:assert/strict";
import path from "node:path";
import { follow, headed, press } from "../../lib/forms.mjs";
import { codesIn } from "../../lib/tools.mjs";
import { Clerk } from "../../lib/clerk.mjs";
import { unit } from "./unit.mjs";

const REASON = "图片不清晰，请重新扫描后上传。";

export async function firstReview({ world, browser, report, eyes, story }) {
  const { applicant } = story;
  const { page } = applicant;
  const reviewer = new Clerk(world, await browser.person(), "yingtan");
  story.reviewer = reviewer;

  await report.step("the reviewer logs in and takes the case", async () => {
    await reviewer.page.goto(reviewer.at("/console"));
    await eyes.look(reviewer.page, "console-login");
    await reviewer.logIn("reviewer");
    await eyes.look(reviewer.page, "console-desk");
    await reviewer.page.goto(reviewer.at("/console/queues/reviewer"));
    await eyes.look(reviewer.page, "console-queue");
    await reviewer.takeNext(unit);
    await eyes.look(reviewer.page, "console-case");
  });
  await report.step("the reviewer finds the case by number, name, mobile and USCC", async () => {
    for (const text of [story.number, unit.name, unit.mobile, unit.uscc]) {
      await reviewer.page.goto(reviewer.at(`/console/search?text=${encodeURIComponent(text)}`));
      await reviewer.page.getByRole("link", { name: unit.name }).waitFor();
    }
    await eyes.look(reviewer.page, "console-search");
  });
  await report.step("data stand beside the scans", async () => {
    await reviewer.open(story.case);
    const scan = reviewer.page.getByRole("link", { name: "营业执照" }).first();
    await scan.click();
    await reviewer.page.getByRole("complementary", { name: "扫描件" }).getByText("营业执照").waitFor();
    await eyes.look(reviewer.page, "console-scan");
  });
  await report.step("a refusal without a reason is not taken", async () => {
    await reviewer.passAll();
    await reviewer.press("退回改正");
    await reviewer.page.getByText("请至少退回一项并写明原因").first().waitFor();
  });
  await report.step("the reviewer refuses the licence with a reason", async () => {
    await reviewer.passAll();
    await reviewer.refuse("营业执照", REASON);
    await reviewer.press("退回改正");
    await reviewer.state("待申请人改正");
  });
  await report.step("the handler is told by SMS", async () => {
    const text = await world.simulators.text(unit.mobile, "SMS_470010002");
    assert.match(text.text, new RegExp(`受理号${story.number}.*未通过初审`));
  });
  await report.step("the applicant's page has gone on by itself and says why", async () => {
    await page.goto(applicant.at(story.case));
    await headed(page, "已退回，请改正");
    await page.getByText(REASON).first().waitFor();
    await eyes.look(page, "case-refused");
  });
  await report.step("the refused scan is uploaded again, the others are kept", async () => {
    await follow(page, "继续办理");
    await headed(page, "上传资料");
    await eyes.look(page, "materials-sent-back");
    await applicant.upload("营业执照", story.scans.clearLicence);
    await applicant.uploaded("营业执照", path.basename(story.scans.clearLicence));
    await applicant.uploaded("签章采集表", "签章采集表.jpg");
    await applicant.submit(story.case);
    await applicant.state("等待初审");
  });
  await report.step("it passes the second time, while the applicant looks on", async () => {
    await reviewer.takeNext(unit);
    await reviewer.passAll();
    await eyes.look(reviewer.page, "console-judged");
    await reviewer.press("初审通过");
    await reviewer.state("待付款");
    await applicant.state("待付款");
    await eyes.look(page, "case-to-pay");
  });
  await report.step("the handler is told by SMS, with the amount", async () => {
    const text = await world.simulators.text(unit.mobile, "SMS_470010001");
    assert.match(text.text, /付款220\.00元/);
  });
}

export async function paying({ world, browser, report, eyes, files, story }) {
  const { applicant } = story;
  const { page } = applicant;
  const payer = await browser.person({ phone: true });

  await report.step("the amount is shown, and WeChat is chosen", async () => {
    await page.goto(applicant.at(story.case));
    await follow(page, "去付款");
    await page.getByText("主锁证书（含电子签章）").waitFor();
    assert.match(await page.locator(".amount-big").innerText(), /220\.00\s*元/);
    assert.equal(await page.getByText("对公转账").count(), 0, "no bank transfer");
    await eyes.look(page, "pay-choose");
    await press(page, "微信支付");
    await headed(page, "请用微信扫描二维码付款");
    await eyes.look(page, "pay-code");
  });
  await report.step("the code is the same after a refresh and in a second tab", async () => {
    const first = await code(page, files);
    await page.reload();
    assert.equal(await code(page, files), first);
    const second = await page.context().newPage();
    await second.goto(page.url());
    assert.equal(await code(second, files), first);
    await second.close();
    story.code = first;
  });
  await report.step("asking before paying says that nothing came yet", async () => {
    await press(page, "我已付款，查询结果");
    await page.getByText("还没有查到付款").waitFor();
  });
  await report.step("the page survives a lost network", async () => {
    await page.context().setOffline(true);
    await page.context().setOffline(false);
    await page.reload();
    await headed(page, "请用微信扫描二维码付款");
  });
  await report.step("the payer scans and pays, and is told twice about", async () => {
    await payer.goto(`${world.simulators.address}/wechat/scan?code_url=${encodeURIComponent(story.code)}`);
    await press(payer, "付款，重复通知");
    await payer.getByText("已支付").first().waitFor();
  });
  await report.step("the applicant's page goes on by itself", async () => {
    await headed(page, "付款成功");
    await page.getByText("已收到您的付款 220.00 元").waitFor();
    await eyes.look(page, "paid");
  });
  await report.step("the handler is told once by SMS", async () => {
    const text = await world.simulators.text(unit.mobile, "SMS_470010003");
    assert.match(text.text, /220\.00元已收到/);
    const all = await world.simulators.texts(unit.mobile);
    assert.equal(all.filter((text) => text.template === "SMS_470010003").length, 1);
  });
  await report.check("my orders", async () => {
    await page.goto(applicant.at("/orders"));
    await page.getByText("220.00").first().waitFor();
    await eyes.look(page, "orders");
    await page.locator("table a.number").first().click();
    await page.getByText("微信支付", { exact: true }).first().waitFor();
    await eyes.look(page, "order-paid");
  });
  await payer.context().close();
}

/** What the payment's QR code says. */
async function code(page, files) {
  const picture = path.join(files, "payment.png");
  await page.locator(".qr").screenshot({ path: picture });
  const [said] = await codesIn(picture);
  assert.match(said, /^weixin:\/\//);
  return said;
}
