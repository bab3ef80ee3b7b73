// A second main key is refused with the offer of a sub key, which costs less and needs no impression sheet; and what
// deleting an application does to its letter.

import assert from "node:assert/strict";
import path from "node:path";
import { download, follow, headed, press } from "../../lib/forms.mjs";
import { codesOf } from "../../lib/tools.mjs";
import { order, unit } from "./unit.mjs";

export async function subKey({ browser, report, eyes, files, story }) {
  const { applicant, reviewer } = story;
  const { page } = applicant;

  await report.step("a second main key is refused with the reason", async () => {
    story.second = await applicant.begin();
    await applicant.fillOrder(story.second, order(unit, "主锁"));
    await page.locator(".error-summary").getByText("每个单位只能有一个").first().waitFor();
    await eyes.look(page, "second-main-key");
  });
  await report.step("the offer of a sub key is taken up with one press", async () => {
    await press(page, "改办副锁");
    await headed(page, "下载并打印表单");
  });
  await report.step("a sub key needs no impression sheet", async () => {
    assert.equal(await page.getByText("签章采集表").count(), 0);
    await page.goto(applicant.at(`${story.second}/steps/materials`));
    await headed(page, "上传资料");
    assert.equal(await page.getByRole("region", { name: "签章采集表" }).count(), 0);
  });
  await report.step("the face check is passed and materials are uploaded as before", async () => {
    await letter(applicant, story.second, path.join(files, "letter-2.pdf")).then((address) => pass(browser, address));
    await page.goto(applicant.at(`${story.second}/steps/materials`));
    const { scans } = story;
    for (const [item, file, side] of [
      ["数字证书用户申请表", scans.form],
      ["营业执照", scans.licence],
      ["经办人身份证", scans.front, "人像面"],
      ["经办人身份证", scans.back, "国徽面"],
      ["法定代表人授权委托书", scans.letter],
    ]) {
      await applicant.upload(item, file, side);
      await applicant.uploaded(item, path.basename(file), side);
    }
    await applicant.submit(story.second);
    await applicant.state("等待初审");
  });
  await report.step("a sub key costs 190.00", async () => {
    await reviewer.takeNext(unit);
    await reviewer.passAll();
    await reviewer.press("初审通过");
    await headed(page, "待付款");
    await follow(page, "去付款");
    await page.getByText("副锁证书").waitFor();
    assert.match(await page.locator(".amount-big").innerText(), /190\.00\s*元/);
  });
}

export async function deleting({ browser, report, eyes, files, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("a third application has its letter and its face check", async () => {
    story.third = await applicant.begin();
    await applicant.fillOrder(story.third, order(unit, "副锁"));
    await headed(page, "下载并打印表单");
    story.lapsing = await letter(applicant, story.third, path.join(files, "letter-3.pdf"));
    await pass(browser, story.lapsing);
  });
  await report.step("deleting asks first, and says what is lost", async () => {
    await page.goto(applicant.at(story.third));
    await follow(page, "删除申请");
    await page.getByText("不能恢复").first().waitFor();
    await eyes.look(page, "delete");
    await page.getByRole("main").getByRole("button", { name: /删除/ }).click();
    await page.getByText("申请已删除").first().waitFor();
  });
  await report.step("the old letter's code says that it is void", async () => {
    const phone = await browser.person({ phone: true });
    await phone.goto(story.lapsing);
    await headed(phone, "二维码已失效");
    assert.equal(await phone.getByRole("button", { name: "开始核验" }).count(), 0);
    await eyes.look(phone, "phone-void");
    await phone.context().close();
  });
  await report.step("a new application asks for a new check, by a new letter", async () => {
    const again = await applicant.begin();
    await applicant.fillOrder(again, order(unit, "副锁"));
    await headed(page, "下载并打印表单");
    const address = await letter(applicant, again, path.join(files, "letter-4.pdf"));
    assert.notEqual(address, story.lapsing);
    await page.goto(applicant.at(`${again}/steps/legal-check`));
    await page.getByText("等待手机端完成核验").waitFor();
  });
}

/** Downloads an application's letter and gives the address that its code leads to. */
async function letter(applicant, path, file) {
  const { page } = applicant;
  await page.goto(applicant.at(`${path}/steps/papers`));
  await download(page, page.getByRole("link", { name: /^下载 PDF ?法定代表人授权委托书$/ }), file);
  const [address] = await codesOf(file);
  return address;
}

/** The legal representative passes the check on a phone. */
async function pass(browser, address) {
  const phone = await browser.person({ phone: true });
  await phone.goto(address);
  await press(phone, "开始核验");
  await press(phone, "本人刷脸通过");
  await headed(phone, "认证成功");
  await phone.context().close();
}
