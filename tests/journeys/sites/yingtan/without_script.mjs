// Another unit, whose browser runs no scripts: everything until the submission works just the same.

import assert from "node:assert/strict";
import path from "node:path";
import { field, fill, headed, press, refused } from "../../lib/forms.mjs";
import { withWrongEnd } from "../../lib/numbers.mjs";
import { Applicant } from "./applicant.mjs";
import { order, other } from "./unit.mjs";

export async function withoutScript({ world, browser, report, story }) {
  const page = await browser.person({ script: false });
  const applicant = new Applicant(world, page, other);
  const upload = async (item, file, side) => {
    await applicant.upload(item, file, side);
    await applicant.slot(item, side).getByRole("button", { name: "上传", exact: true }).click();
  };

  await report.step("registers without a script", async () => {
    await applicant.register();
  });
  await report.step("fills in the form; what is wrong is said, and what was typed stays", async () => {
    story.plain = await applicant.begin();
    await applicant.fillOrder(story.plain, { ...order(other, "副锁"), 统一社会信用代码: withWrongEnd(other.uscc) });
    await refused(page, "统一社会信用代码", "校验码");
    assert.equal(await field(page, "收件地址").inputValue(), other.address);
    await fill(page, { 统一社会信用代码: other.uscc });
    await press(page, "保存并继续");
    await headed(page, "下载并打印表单");
  });
  await report.step("the server itself refuses a scan of 1.1 MB and a PDF named .jpg", async () => {
    await page.goto(applicant.at(`${story.plain}/steps/materials`));
    await upload("营业执照", story.scans.large);
    await applicant.slot("营业执照").locator(".error").getByText("1 MB").waitFor();
    await upload("营业执照", story.scans.pretended);
    await applicant.slot("营业执照").locator(".error").getByText("PDF").waitFor();
  });
  await report.step("uploads the right ones", async () => {
    const { scans } = story;
    for (const [item, file, side] of [
      ["数字证书用户申请表", scans.form],
      ["营业执照", scans.licence],
      ["经办人身份证", scans.front, "人像面"],
      ["经办人身份证", scans.back, "国徽面"],
      ["法定代表人授权委托书", scans.letter],
    ]) {
      await upload(item, file, side);
      await applicant.uploaded(item, path.basename(file), side);
    }
  });
  await report.step("a phone without a script passes the face check", async () => {
    await page.goto(applicant.at(`${story.plain}/steps/legal-check`));
    const address = await page.getByRole("link", { name: /直接打开核验页面/ }).getAttribute("href");
    const phone = await browser.person({ phone: true, script: false });
    await phone.goto(address);
    await press(phone, "开始核验");
    await press(phone, "本人刷脸通过");
    await headed(phone, "认证成功");
    await phone.context().close();
  });
  await report.step("submits", async () => {
    await applicant.submit(story.plain);
    await applicant.state("等待初审");
  });
  await page.context().close();
}
