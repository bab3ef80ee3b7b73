// Registering and filling in: everything until the face check.

import assert from "node:assert/strict";
import path from "node:path";
import { download, field, fill, follow, headed, press, refused, typed } from "../../lib/forms.mjs";
import { withWrongEnd } from "../../lib/numbers.mjs";
import { codesOf, textOf } from "../../lib/tools.mjs";
import { Applicant } from "./applicant.mjs";
import { order, unit } from "./unit.mjs";

/** Bytes over the wire for the first page, everything included. */
const FIRST_PAGE = 60_000;
const WRONG_CHECK = "统一社会信用代码的校验码";

export async function registering({ world, browser, report, eyes, story }) {
  const page = await browser.person();
  const applicant = new Applicant(world, page, unit);
  story.applicant = applicant;

  await report.step("the first page opens and is light", async () => {
    await page.goto(applicant.at("/"));
    const bytes = await page.evaluate(() =>
      [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, entry) => sum + entry.transferSize, 0),
    );
    assert(bytes > 0 && bytes < FIRST_PAGE, `${bytes} bytes`);
  });
  await eyes.look(page, "home");
  await report.check("pages that anybody may read", async () => {
    for (const [address, name] of [
      ["/services", "services"],
      ["/services/yingtan/new-certificate", "service"],
      ["/help", "help"],
      ["/notices", "notices"],
      ["/downloads", "downloads"],
      ["/pages/terms", "terms"],
      ["/no-such-page", "not-found"],
      ["/login", "login"],
      ["/recover", "recover"],
    ]) {
      await page.goto(applicant.at(address));
      await eyes.look(page, name);
    }
  });
  await report.step("the price is known before anything is filled in", async () => {
    await page.goto(applicant.at("/services/yingtan/new-certificate"));
    await page.getByText("主锁（含电子签章）220.00 元，副锁 190.00 元").waitFor();
  });
  await report.step("a wrong check character is refused while registering, and what was typed stays", async () => {
    await page.goto(applicant.at("/register"));
    await eyes.look(page, "register");
    const answers = { 单位名称: unit.name, 统一社会信用代码: withWrongEnd(unit.uscc), 经办人手机: unit.mobile };
    await fill(page, answers);
    await field(page, "统一社会信用代码").blur();
    await page.locator("#f-uscc-error").getByText(WRONG_CHECK).waitFor();
    await press(page, "注册");
    await refused(page, "统一社会信用代码", WRONG_CHECK);
    assert.deepEqual(await typed(page, Object.keys(answers)), answers);
    await eyes.look(page, "register-refused");
  });
  await report.step("registers with a sum instead of the picture, and a code by SMS", async () => {
    await applicant.register();
    await headed(page, "可以办理的业务");
  });
  await report.step("logs out and in again with USCC and password", async () => {
    await applicant.logOut();
    await applicant.logIn();
  });
  await report.check("the account's pages", async () => {
    for (const [address, name] of [
      ["/profile", "profile"],
      ["/profile/edit", "profile-edit"],
      ["/profile/password", "profile-password"],
      ["/profile/sessions", "profile-sessions"],
      ["/cases", "cases-empty"],
      ["/orders", "orders-empty"],
    ]) {
      await page.goto(applicant.at(address));
      await eyes.look(page, name);
    }
    await page.goto(applicant.at("/profile"));
    await page.getByText("138****2233").first().waitFor();
  });
}

export async function filling({ report, eyes, files, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("begins an application for a main key", async () => {
    story.case = await applicant.begin();
    await eyes.look(page, "case-draft");
  });
  await report.step("the form is filled in from the account", async () => {
    await page.goto(applicant.at(`${story.case}/steps/order`));
    const known = { 单位名称: unit.name, 统一社会信用代码: unit.uscc, 经办人手机: unit.mobile, 纳税人识别号: unit.uscc };
    assert.deepEqual(await typed(page, Object.keys(known)), known);
    await eyes.look(page, "order");
  });
  await report.step("a wrong check character is refused in words, and what was typed stays", async () => {
    const answers = { ...order(unit, "主锁"), 统一社会信用代码: withWrongEnd(unit.uscc) };
    await applicant.fillOrder(story.case, answers);
    await refused(page, "统一社会信用代码", WRONG_CHECK);
    assert.deepEqual(await typed(page, Object.keys(answers)), answers);
    await eyes.look(page, "order-refused");
  });
  await report.step("it is still there after leaving and coming back", async () => {
    await page.goto(applicant.at("/cases"));
    await eyes.look(page, "cases");
    await follow(page, unit.name);
    await follow(page, "填写申请信息");
    assert.equal((await typed(page, ["收件地址"])).收件地址, unit.address);
  });
  await report.step("the right code is taken, and the papers come next", async () => {
    await applicant.fillOrder(story.case, { 统一社会信用代码: unit.uscc });
    await headed(page, "下载并打印表单");
    await eyes.look(page, "papers");
  });
  await report.step("three papers are downloaded and hold the number and the names", async () => {
    const number = (await page.locator("nav[aria-label=当前位置]").innerText()).match(/[A-Z]*\d{8,}\S*/)?.[0];
    assert(number, "the acceptance number stands on the page");
    story.number = number;
    story.papers = {};
    for (const [name, title] of [
      ["application-form", "数字证书用户申请表"],
      ["authorisation-letter", "法定代表人授权委托书"],
      ["seal-sheet", "签章采集表"],
    ]) {
      const file = path.join(files, `${name}.pdf`);
      await download(page, page.getByRole("link", { name: new RegExp(`^下载 PDF ?${title}$`) }), file);
      const text = await textOf(file);
      for (const part of [title, number, unit.name, unit.legal.name]) assert(text.includes(part), `${title} holds ${part}:\n${text}`);
      story.papers[name] = file;
    }
  });
  await report.step("a paper is a page to print, too", async () => {
    await page.goto(applicant.at(`${story.case}/papers/application-form`));
    await headed(page, "数字证书用户申请表");
    await page.getByText(unit.handler.number).waitFor();
    await eyes.look(page, "paper");
  });
  await report.step("the letter's code leads to the face check of this application", async () => {
    const codes = await codesOf(story.papers["authorisation-letter"]);
    story.phoneAddress = codes.find((code) => /^http.*\/p\//.test(code));
    assert(story.phoneAddress, `codes of the letter: ${codes.join(", ")}`);
  });
}
