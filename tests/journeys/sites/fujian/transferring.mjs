// The money comes by bank transfer: the slip later, refused once; a part first, the rest by the bank's statement; the
// invoice and the receipt (manual rows F-9 and F-10).

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Clerk } from "../../lib/clerk.mjs";
import { download, field, fill, headed, press } from "../../lib/forms.mjs";
import { until } from "../../lib/processes.mjs";
import { textOf } from "../../lib/tools.mjs";
import { CLERK_PASSWORD } from "../../lib/world.mjs";
import { A_WHILE, fact } from "./ordering.mjs";
import { handler, unit } from "./people.mjs";

const REASON = "银行账户中没有查到这笔汇款，请与付款银行核对后重新上传";

export async function transferring({ world, browser, report, eyes, pictures, files, story }) {
  const { applicant } = story;
  const { page } = applicant;
  const finance = new Clerk(world, await browser.person(), "fujian");
  story.finance = finance;
  const slip = await pictures.sheet("汇款底单.jpg", "银行回单", [unit.name, "740.00 元", story.reference]);

  await report.step("a slip that is no picture is refused in words", async () => {
    const wrong = path.join(files, "底单.txt");
    await writeFile(wrong, "已汇款");
    await page.goto(applicant.at("/orders"));
    await page.getByRole("link", { name: "上传汇款底单" }).first().click();
    await page.locator("#u-slip").setInputFiles(wrong);
    await page.locator("#slip .error").getByText(/./).waitFor();
    await eyes.look(page, "fujian-slip-refused-file");
  });
  await report.step("the slip is uploaded later, from my orders", async () => {
    await page.locator("#u-slip").setInputFiles(slip);
    await page.getByText("正在核实汇款").first().waitFor();
    await page.goto(applicant.at(`${story.order}/pay`));
    await eyes.look(page, "fujian-slip-uploaded");
  });
  await report.step("finance sees the slip beside the order", async () => {
    await finance.logIn("finance");
    await finance.page.goto(finance.at("/console/orders"));
    await eyes.look(finance.page, "fujian-console-orders");
    await finance.page.goto(finance.at(`/console${story.order}`));
    await finance.page.getByText(story.reference).first().waitFor();
    await finance.page.getByText("汇款底单.jpg").first().waitFor();
    await eyes.look(finance.page, "fujian-console-order");
  });
  await report.step("finance refuses the slip, and the applicant reads why", async () => {
    await field(finance.page, "退回原因（申请人可见）").fill(REASON);
    await press(finance.page, "退回底单");
    await finance.page.getByText("退回汇款底单").first().waitFor();
    await page.goto(applicant.at(`${story.order}/pay`));
    await page.getByText(REASON).first().waitFor();
    await eyes.look(page, "fujian-slip-refused");
    await page.locator("#u-slip").setInputFiles(slip);
    await page.getByText("正在核实汇款").first().waitFor();
  });
  await report.step("a clerk cannot book for an order of their own", async () => {
    const first = "xiao-lin-begins-2026";
    const { status, stderr } = spawnSync(
      world.program,
      [
        ...["clerk", "create", "--site", "fujian", "--login", "lin", "--name", "小林"],
        ...["--mobile", handler.mobile, "--role", "finance", ...world.places],
      ],
      { input: `${first}\n`, encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    const own = new Clerk(world, await browser.person(), "fujian");
    await own.page.goto(own.at("/console"));
    await fill(own.page, { 用户名: "lin", 密码: first });
    await press(own.page, "登录");
    await headed(own.page, "修改密码");
    await fill(own.page, { 原密码: first, 新密码: CLERK_PASSWORD, 再次输入新密码: CLERK_PASSWORD });
    await press(own.page, "修改密码");
    await headed(own.page, "工作台");
    await own.page.goto(own.at(`/console${story.order}`));
    await own.page.getByText("请另一位财务人员核实").waitFor();
    await eyes.look(own.page, "fujian-console-own-order");
    await own.page.context().close();
  });
  await report.step("finance books a part, having read what that means", async () => {
    await finance.page.goto(finance.at(`/console${story.order}`));
    await fill(finance.page, { "到账金额（元）": "400.00", 银行流水号: "FJ20261120001", 付款户名: unit.name });
    await press(finance.page, "登记到账");
    await finance.page.getByText("还差 340.00 元").first().waitFor();
    await eyes.look(finance.page, "fujian-console-partial");
    await press(finance.page, "确认登记");
    await headed(finance.page, /订单/);
  });
  await report.step("the applicant reads what is missing", async () => {
    await page.goto(applicant.at(`${story.order}/pay`));
    assert.match(await fact(page, "amount"), /340\.00/);
    await eyes.look(page, "fujian-transfer-partial");
  });
  await report.step("a statement with a wrong line is refused as a whole, by line", async () => {
    const file = path.join(files, "流水-有误.csv");
    await writeFile(file, statement([["2026-11-20", "三百", unit.name, story.reference, "FJ20261120002"]]));
    await finance.page.goto(finance.at("/console/statements"));
    await finance.page.locator("input[type=file]").setInputFiles(file);
    await finance.page.getByRole("button", { name: "导入", exact: true }).first().click();
    await finance.page.getByText(/第 2 行/).first().waitFor();
    await eyes.look(finance.page, "fujian-console-statement-refused");
  });
  await report.step("the bank's statement is imported, and the line with the reference is matched", async () => {
    const file = path.join(files, "流水.csv");
    await writeFile(
      file,
      statement([
        ["2026-11-20", "340.00", unit.name, `证书费 ${story.reference}`, "FJ20261120002"],
        ["2026-11-20", "66.00", "某某个人", "货款", "FJ20261120003"],
      ]),
    );
    await finance.page.goto(finance.at("/console/statements"));
    await finance.page.locator("input[type=file]").setInputFiles(file);
    await finance.page.getByRole("button", { name: "导入", exact: true }).first().click();
    await finance.page.getByText("FJ20261120002").first().waitFor();
    await eyes.look(finance.page, "fujian-console-statement");
  });
  await report.step("with a person's yes it is booked, and the order is paid", async () => {
    await press(finance.page, "确认入账");
    await finance.page.getByText(/已入账/).first().waitFor();
    await finance.page.goto(finance.at(`/console${story.order}`));
    await finance.page.getByText("付清").first().waitFor();
    await eyes.look(finance.page, "fujian-console-order-paid");
    await page.goto(applicant.at(story.first));
    await headed(page, "待收材料");
    await eyes.look(page, "fujian-case-papers");
  });
  await report.step("the handler is told by SMS", async () => {
    await until("an SMS tells of the payment", async () =>
      (await world.simulators.texts(handler.mobile)).some((text) => /740\.00|260\.00/.test(text.text)),
    );
  });
  await report.step("the invoice is issued by itself, comes by mail and is in the order", async () => {
    await page.goto(applicant.at(story.order));
    await page.getByRole("link", { name: /下载发票/ }).first().waitFor({ timeout: A_WHILE });
    const file = path.join(files, "发票.pdf");
    await download(page, page.getByRole("link", { name: /下载发票/ }).first(), file);
    const text = await textOf(file);
    assert(text.includes("740.00"), text);
    assert.equal((await invoiceMail(world)).attachments[0].type, "application/pdf");
    await eyes.look(page, "fujian-order-paid");
  });
  await report.step("the receipt names what to stamp and send", async () => {
    const file = path.join(files, "回执.pdf");
    await download(page, page.getByRole("link", { name: /下载回执/ }).first(), file);
    const text = await textOf(file);
    for (const part of ["回执", unit.name, "公章"]) assert(text.includes(part), `${part} in\n${text}`);
  });
}

/** The mail that carries the invoice. */
const invoiceMail = (world) =>
  until("no mail with an invoice came", async () =>
    (await world.mailbox.mails()).find((mail) => mail.to.includes(handler.email) && mail.attachments.length > 0),
  );

/** A bank's statement as its online banking saves it. */
const statement = (lines) =>
  ["交易日期,贷方发生额,对方户名,摘要,交易流水号", ...lines.map((line) => line.join(","))].join("\r\n");
