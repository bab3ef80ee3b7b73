// A password that was forgotten, and what an administrator and finance look after.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { download, field, fill, follow, headed, press } from "../../lib/forms.mjs";
import { Clerk } from "../../lib/clerk.mjs";
import { unit } from "./unit.mjs";

const NEW_PASSWORD = "long-hu-shan-2027";

export async function recovering({ report, eyes, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("a new password is set with a code by SMS", async () => {
    await page.goto(applicant.at("/profile"));
    await applicant.logOut();
    await follow(page, "忘记密码");
    await fill(page, { 登录名: unit.uscc });
    await applicant.answerSum();
    await applicant.proveMobile();
    await fill(page, { 新密码: NEW_PASSWORD, 再次输入新密码: NEW_PASSWORD });
    await press(page, "设置新密码");
    await page.getByText("新密码已生效").waitFor();
  });
  await report.step("the old password is refused in words, the new one lets in", async () => {
    await applicant.answerSum();
    await fill(page, { 登录名: unit.uscc, 密码: unit.password });
    await press(page, "登录");
    await page.locator(".error-summary").waitFor();
    await eyes.look(page, "login-refused");
    await applicant.logIn(NEW_PASSWORD);
  });
}

export async function upkeep({ world, browser, report, eyes, files, story }) {
  const { page } = story.administrator;
  const at = (address) => story.administrator.at(address);
  const visitor = await browser.person();

  await report.step("an administrator writes a notice in Markdown, and everybody reads it", async () => {
    await page.goto(at("/console/content"));
    await follow(page, "公告");
    await follow(page, "新建公告");
    await fill(page, { 标题: "元旦假期办理安排", 正文: "## 时间\n\n- **1 月 1 日** 休息\n- 1 月 4 日起照常办理\n\n<script>alert(1)</script>" });
    await field(page, "公开显示").check();
    await press(page, "预览");
    await page.getByRole("heading", { name: "时间" }).waitFor();
    await eyes.look(page, "console-notice");
    await press(page, "保存");
    await page.getByText("内容已保存").waitFor();
    await visitor.goto(at("/"));
    await follow(visitor, "元旦假期办理安排");
    await visitor.getByRole("heading", { name: "时间" }).waitFor();
    assert.equal(await visitor.locator("main script").count(), 0);
    await eyes.look(visitor, "notice");
  });
  await report.step("an administrator offers a file, and everybody downloads it", async () => {
    await page.goto(at("/console/content/downloads"));
    await follow(page, "上传文件");
    await fill(page, { 标题: "空白签章采集表" });
    await field(page, "文件").setInputFiles(story.papers["seal-sheet"]);
    await field(page, "公开显示").check();
    await eyes.look(page, "console-download");
    await press(page, "保存");
    await page.getByText("内容已保存").waitFor();
    await visitor.goto(at("/downloads"));
    await eyes.look(visitor, "downloads-filled");
    const file = path.join(files, "downloaded.pdf");
    await download(visitor, visitor.getByRole("main").getByRole("link", { name: /下载/ }).first(), file);
    assert.deepEqual(await readFile(file), await readFile(story.papers["seal-sheet"]));
  });
  await report.step("a clerk is hired, and has to choose a password", async () => {
    await page.goto(at("/console/staff/new"));
    await eyes.look(page, "console-clerk");
    await fill(page, { 用户名: "xiaoxu", 姓名: "徐晓", 初始密码: "first-password-9" });
    await page.getByRole("checkbox", { name: "审核" }).check();
    await page.getByRole("main").getByRole("button", { name: "新建", exact: true }).click();
    await page.getByRole("link", { name: "徐晓" }).or(page.getByRole("heading", { name: /徐晓/ })).first().waitFor();
    const clerk = await browser.person();
    await clerk.goto(at("/console"));
    await fill(clerk, { 用户名: "xiaoxu", 密码: "first-password-9" });
    await press(clerk, "登录");
    await clerk.getByText("当前密码由他人设置").waitFor();
    await eyes.look(clerk, "console-password");
  });
  await report.check("what else the console shows", async () => {
    const finance = new Clerk(world, await browser.person(), "yingtan");
    await finance.logIn("finance");
    for (const [who, addresses] of [
      [page, { accounts: "/console/accounts", pages: "/console/content/pages", notices: "/console/content/notices", downloads: "/console/content/downloads" }],
      [page, { staff: "/console/staff", plugins: "/console/plugins", jobs: "/console/jobs", letters: "/console/letters" }],
      [finance.page, { orders: "/console/orders", payments: "/console/payments", refunds: "/console/refunds" }],
    ]) {
      for (const [name, address] of Object.entries(addresses)) {
        const answer = await who.goto(at(address));
        assert.equal(answer.status(), 200, address);
        await eyes.look(who, `console-${name}`);
      }
    }
    await finance.page.goto(at("/console/orders?state=paid"));
    await finance.page.getByRole("main").locator("table a").first().click();
    await headed(finance.page, /\d{10}/);
    await eyes.look(finance.page, "console-order");
  });
  await report.step("what one may not do is not shown and not served", async () => {
    for (const address of ["/console/staff", "/console/orders", "/console/content/pages"]) {
      const answer = await story.reviewer.page.goto(at(address));
      assert([403, 404].includes(answer.status()), `${address}: ${answer.status()}`);
    }
    for (const [who, links] of [
      [page, 1],
      [story.reviewer.page, 0],
    ]) {
      await who.goto(at("/console"));
      assert.equal(await who.locator("a[href='/console/staff']").count(), links);
    }
  });
  await visitor.context().close();
}
