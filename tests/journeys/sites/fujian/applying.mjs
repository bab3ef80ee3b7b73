// Applying for new certificates: filled in, changed while it waits, printed, and accepted (manual rows F-3 to F-6, F-13).

import assert from "node:assert/strict";
import path from "node:path";
import { Clerk } from "../../lib/clerk.mjs";
import { download, follow, headed, press, typed } from "../../lib/forms.mjs";
import { textOf } from "../../lib/tools.mjs";
import { handler, ofUnit, otherUnit, unit } from "./people.mjs";

const UNREADABLE = "扫描件看不清";
const OTHER_ADDRESS = "福建省福州市台江区江滨中大道 378 号";

export async function applying({ report, eyes, pictures, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("scans are at hand", async () => {
    const cards = [
      await pictures.card("人像面.png", "居民身份证", [handler.name, handler.number]),
      await pictures.card("国徽面.png", "中华人民共和国 居民身份证", ["签发机关 福州市公安局"]),
    ];
    const licence = await pictures.sheet("营业执照.jpg", "营 业 执 照", [unit.name, unit.uscc]);
    story.scans = [
      ["营业执照", licence],
      ["经办人身份证", cards[0], "人像面"],
      ["经办人身份证", cards[1], "国徽面"],
    ];
  });
  await report.step("the agreement stands first, and is read before it is accepted", async () => {
    story.first = await applicant.begin("fujian/new-enterprise");
    await page.goto(applicant.at(`${story.first}/steps/agreement`));
    await eyes.look(page, "fujian-agreement");
    await applicant.agree(story.first);
  });
  await report.step("the form is filled in from the profile", async () => {
    await page.goto(applicant.at(`${story.first}/steps/application`));
    const known = { 单位名称: unit.name, 统一社会信用代码: unit.uscc, 经办人姓名: handler.name, 经办人手机: handler.mobile };
    assert.deepEqual(await typed(page, Object.keys(known)), known);
    await eyes.look(page, "fujian-application");
  });
  await report.step("it is submitted with its scans", async () => {
    await applicant.fillIn(story.first, ofUnit(unit));
    await applicant.uploadAll(story.first, story.scans);
    await applicant.submit(story.first);
    await applicant.state("待审核");
    await eyes.look(page, "fujian-case-submitted");
  });
  await report.step("while it waits it can be edited", async () => {
    await applicant.fillIn(story.first, { 单位地址: OTHER_ADDRESS });
    await page.goto(applicant.at(`${story.first}/steps/application`));
    assert.equal((await typed(page, ["单位地址"])).单位地址, OTHER_ADDRESS);
  });
  await report.step("the application form is printed as a PDF", async () => {
    await page.goto(applicant.at(`${story.first}/steps/print`));
    const link = page.getByRole("link", { name: /^下载 PDF/ }).first();
    story.form = await link.getAttribute("href");
    await download(page, link, pdf(story, "application-form"));
    const text = await textOf(pdf(story, "application-form"));
    for (const part of [unit.name, unit.uscc, unit.legal.name, handler.name]) assert(text.includes(part), `${part} in\n${text}`);
  });
  await report.step("a second one is asked for, for the same unit, and a third for another unit", async () => {
    await page.goto(applicant.at(story.first));
    await follow(page, "再申请一份");
    story.second = await applicant.apply("new-enterprise", ofUnit(unit, "2 年"), story.scans);
    story.elsewhere = await applicant.apply("new-enterprise", ofUnit(otherUnit), story.scans);
  });
  await report.check("the list shows them", async () => {
    await page.goto(applicant.at("/cases"));
    await page.getByText(otherUnit.name).first().waitFor();
    await eyes.look(page, "fujian-cases");
  });
}

export async function accepting({ world, browser, report, eyes, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("the reviewer's page goes on by itself while the applicant still changes things", async () => {
    const reviewer = new Clerk(world, await browser.person(), "fujian");
    story.reviewer = reviewer;
    await reviewer.logIn("reviewer");
    await reviewer.open(story.first);
    await reviewer.page.getByText(OTHER_ADDRESS).first().waitFor();
    await applicant.fillIn(story.first, { 单位地址: unit.address });
    await reviewer.page.getByText(unit.address).first().waitFor();
  });
  await report.step("what the reviewer has begun to write is not lost by that", async () => {
    const { page: desk } = story.reviewer;
    await story.reviewer.refuse("营业执照", UNREADABLE);
    await applicant.fillIn(story.first, { 单位地址: OTHER_ADDRESS });
    await desk.getByText("有了新的变化").waitFor();
    assert.equal(await desk.getByLabel("营业执照的退回原因").inputValue(), UNREADABLE);
    await eyes.look(desk, "fujian-console-case-news");
    await desk.getByRole("link", { name: "查看最新内容" }).click();
    await desk.getByText(OTHER_ADDRESS).first().waitFor();
    assert.equal(await desk.getByText("有了新的变化").isVisible(), false);
  });
  await report.step("the reviewer accepts the first one", async () => {
    const { reviewer } = story;
    await accept(reviewer, story.first);
    await reviewer.state("已受理，待付款");
  });
  await report.step("now it cannot be edited any more, and the page says whom to call", async () => {
    await page.goto(applicant.at(story.first));
    await headed(page, "申请受理中");
    await page.getByText("0591-968975").first().waitFor();
    await eyes.look(page, "fujian-case-accepted");
    await page.goto(applicant.at(`${story.first}/steps/application`));
    await page.getByText("当前状态下不能修改这一步").waitFor();
  });
}

/** A reviewer finds everything in order. */
export async function accept(reviewer, path) {
  await reviewer.open(path);
  await reviewer.passAll();
  await reviewer.press("受理");
}

const pdf = (story, name) => path.join(path.dirname(story.scans[0][1]), `${name}.pdf`);
