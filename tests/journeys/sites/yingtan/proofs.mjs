// The face check on the phone, the uploads, and sending it off.

import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import path from "node:path";
import { headed, press } from "../../lib/forms.mjs";
import { unit } from "./unit.mjs";

/** 1.1 MB: a little more than the limit of 1 MB, in bytes. */
const TOO_LARGE = Math.round(1.1 * 1024 * 1024);

export async function faceCheck({ browser, report, eyes, story }) {
  const { applicant } = story;
  const { page } = applicant;
  const phone = await browser.person({ phone: true });

  await report.step("an application without the face check cannot be submitted", async () => {
    await page.goto(applicant.at(`${story.case}/steps/summary`));
    await eyes.look(page, "summary-undone");
    await page.getByText("提交前请先完成").first().waitFor();
    assert.equal(await page.getByRole("button", { name: "提交申请" }).count(), 0);
  });
  await report.step("the computer's page waits for the phone", async () => {
    await page.goto(applicant.at(`${story.case}/steps/legal-check`));
    await page.getByText("等待手机端完成核验").waitFor();
    await eyes.look(page, "face-waiting");
  });
  await report.step("the letter's code opens on the phone and says whose face is asked for", async () => {
    await phone.goto(story.phoneAddress);
    await headed(phone, "身份核验");
    await phone.getByText("王*").waitFor();
    await eyes.look(phone, "phone-start");
  });
  await report.step("a check that fails can be done again", async () => {
    await press(phone, "开始核验");
    await press(phone, "不通过");
    await phone.getByText("认证失败").waitFor();
    await eyes.look(phone, "phone-failed");
    await page.getByText("上次核验未通过").waitFor();
    await eyes.look(page, "face-failed");
  });
  await report.step("the check passes on the phone", async () => {
    await press(phone, "重新核验");
    await press(phone, "本人刷脸通过");
    await headed(phone, "认证成功");
    await eyes.look(phone, "phone-passed");
  });
  await report.step("the computer's page goes on by itself", async () => {
    await headed(page, "认证成功");
    await eyes.look(page, "face-passed");
  });
  await phone.context().close();
}

export async function uploading({ report, eyes, pictures, files, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("scans are at hand", async () => {
    const sheet = (name, title) => pictures.sheet(name, title, [unit.name, unit.uscc, "（加盖公章）"]);
    story.scans = {
      form: await sheet("申请表.jpg", "数字证书用户申请表"),
      licence: await sheet("营业执照.jpg", "营 业 执 照"),
      clearLicence: await sheet("营业执照-重扫.jpg", "营 业 执 照"),
      letter: await sheet("委托书.jpg", "法定代表人授权委托书"),
      seal: await sheet("签章采集表.jpg", "签章采集表"),
      front: await pictures.card("身份证正面.png", "居民身份证", [unit.handler.name, unit.handler.number]),
      back: await pictures.card("身份证反面.png", "中华人民共和国 居民身份证", ["签发机关 贵溪市公安局"]),
      large: await pictures.sheetOfSize("大图.jpg", "营 业 执 照", TOO_LARGE),
      pretended: path.join(files, "其实是PDF.jpg"),
    };
    await copyFile(story.papers["application-form"], story.scans.pretended);
    await page.goto(applicant.at(`${story.case}/steps/materials`));
    await eyes.look(page, "materials-empty");
  });
  await report.step("a scan of 1.1 MB is refused in words", async () => {
    await applicant.upload("营业执照", story.scans.large);
    await applicant.slot("营业执照").getByText("文件 1.1 MB，超过了大小限制").waitFor();
  });
  await report.step("a PDF that is named .jpg is refused in words", async () => {
    await applicant.upload("营业执照", story.scans.pretended);
    await applicant.slot("营业执照").getByText(/PDF/).and(page.locator(".error")).waitFor();
    await eyes.look(page, "materials-refused");
  });
  await report.step("the right ones are taken, one by one", async () => {
    const { scans } = story;
    for (const [item, file, side] of [
      ["数字证书用户申请表", scans.form],
      ["营业执照", scans.licence],
      ["经办人身份证", scans.front, "人像面"],
      ["经办人身份证", scans.back, "国徽面"],
      ["法定代表人授权委托书", scans.letter],
      ["签章采集表", scans.seal],
    ]) {
      await applicant.upload(item, file, side);
      await applicant.uploaded(item, path.basename(file), side);
    }
    await eyes.look(page, "materials");
  });
  await report.step("they are still there after leaving and coming back", async () => {
    await page.goto(applicant.at(story.case));
    await eyes.look(page, "case-ready");
    await page.goto(applicant.at(`${story.case}/steps/materials`));
    await applicant.uploaded("签章采集表", "签章采集表.jpg");
    const shown = await applicant.slot("经办人身份证", "国徽面").locator("img").evaluate((image) => image.naturalWidth);
    assert(shown > 0, "the thumbnail is shown");
  });
  await report.step("everything is read once more and submitted", async () => {
    await page.goto(applicant.at(`${story.case}/steps/summary`));
    await page.getByText(unit.address).waitFor();
    await eyes.look(page, "summary");
    await press(page, "提交申请");
    await applicant.state("等待初审");
    await eyes.look(page, "case-waiting");
  });
  await report.step("what was submitted is read only", async () => {
    await page.goto(applicant.at(`${story.case}/steps/order`));
    await page.getByText("当前状态下不能修改这一步").waitFor();
    await eyes.look(page, "order-closed");
  });
}
