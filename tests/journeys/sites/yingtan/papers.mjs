// The papers are posted and checked, the certificate is made, shipped and invoiced.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { download, field, fill, follow, headed, press } from "../../lib/forms.mjs";
import { run } from "../../lib/processes.mjs";
import { certificateRequest, certificateText, publicKeyOf, verifyCertificate } from "../../lib/tools.mjs";
import { Clerk } from "../../lib/clerk.mjs";
import { unit } from "./unit.mjs";

const INVOICE = "26362000000012345678";

export async function posting({ world, report, eyes, story }) {
  const { applicant, reviewer } = story;
  const { page } = applicant;
  const post = async (number) => {
    await page.goto(applicant.at(story.case));
    await follow(page, "我已寄出资料");
    await fill(page, { 快递公司: "顺丰速运", 快递单号: number });
    await press(page, "我已寄出资料");
    await applicant.state("纸质资料审核中");
  };

  await report.step("the case says what to post", async () => {
    await page.goto(applicant.at(story.case));
    await headed(page, "待寄送纸质资料");
    await page.getByText("另加签章采集表").waitFor();
    await eyes.look(page, "case-to-post");
  });
  await report.step("a tracking number is asked for", async () => {
    await follow(page, "我已寄出资料");
    await eyes.look(page, "post");
    await fill(page, { 快递公司: "顺丰速运" });
    await press(page, "我已寄出资料");
    await page.locator(".error-summary").getByText("快递单号").waitFor();
    assert.equal(await field(page, "快递公司").inputValue(), "顺丰速运");
  });
  await report.step("the papers are posted with a tracking number", async () => {
    await post("SF1400000000017");
    await eyes.look(page, "case-papers");
  });
  await report.step("the reviewer refuses the papers, having called the handler", async () => {
    await reviewer.takeNext(unit);
    await reviewer.page.getByText("SF1400000000017").waitFor();
    await reviewer.act("资料不合格", { 通话人: unit.handler.name, 通话号码: unit.mobile, 需要补寄的资料: "营业执照复印件没有盖公章，请补寄。" });
    await eyes.look(reviewer.page, "console-papers-refused");
    await reviewer.press("资料不合格");
    await reviewer.state("待申请人补寄");
  });
  await report.step("the handler is told by SMS, and the page says what to send again", async () => {
    await world.simulators.text(unit.mobile, "SMS_470010004");
    await headed(page, "请补寄资料");
    await page.getByText("营业执照复印件没有盖公章，请补寄。").first().waitFor();
    await eyes.look(page, "case-papers-refused");
  });
  await report.step("posted again, the papers pass, and both sides see until when it is made", async () => {
    await post("SF1400000000026");
    await reviewer.takeNext(unit);
    await reviewer.press("资料合格");
    await reviewer.state("待制作");
    await headed(page, "等待制作");
    await page.getByText(/预计 \d{4}-\d{2}-\d{2} 前完成/).waitFor();
    await eyes.look(page, "case-to-make");
  });
}

export async function making({ world, browser, report, eyes, files, story }) {
  const { applicant } = story;
  const { page } = applicant;
  const folder = path.join(files, "certificate");

  await report.step("a request that is none is refused in words", async () => {
    const maker = new Clerk(world, await browser.person(), "yingtan");
    story.maker = maker;
    await maker.logIn("maker");
    await maker.takeNext(unit);
    await maker.act("制作证书", { 证书请求: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----" });
    await maker.press("制作证书");
    await maker.page.locator(".error-summary").waitFor();
    await eyes.look(maker.page, "console-make-refused");
  });
  await report.step("the maker makes the certificate from a request of OpenSSL's", async () => {
    story.request = await certificateRequest(folder, unit.name);
    await fill(story.maker.page, { 证书请求: story.request.pem });
    await eyes.look(story.maker.page, "console-make");
    await story.maker.press("制作证书");
    await headed(page, "等待寄出");
    await eyes.look(page, "case-made");
  });
  await report.step("certificate and chain are downloaded, and OpenSSL agrees", async () => {
    const [certificate, chain] = [path.join(folder, "certificate.pem"), path.join(folder, "chain.pem")];
    await download(page, page.getByRole("link", { name: "下载证书", exact: true }), certificate);
    await download(page, page.getByRole("link", { name: "下载证书链", exact: true }), chain);
    assert.match(await verifyCertificate(folder, certificate, chain), /: OK/);
    const text = await certificateText(certificate);
    for (const part of [unit.name, unit.uscc, "鹰潭市阳光采购服务平台"]) assert(text.includes(part), `the certificate names ${part}:\n${text}`);
    assert.equal(await publicKeyOf("x509", certificate), await publicKeyOf("req", story.request.request), "it is for the key of the request");
  });
  await report.step("the maker sees it made", async () => {
    await story.maker.open(story.case);
    await story.maker.state("待寄出");
    await eyes.look(story.maker.page, "console-case-made");
  });
}

export async function sending({ world, browser, report, eyes, pictures, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("the shipper ships it with a tracking number", async () => {
    const shipper = new Clerk(world, await browser.person(), "yingtan");
    await shipper.logIn("shipper");
    await shipper.takeNext(unit);
    await shipper.act("寄出", { 顺丰单号: "SF1400000000035" });
    await eyes.look(shipper.page, "console-ship");
    await shipper.press("寄出");
    await shipper.state("待开票");
  });
  await report.step("the handler is told by SMS, with the tracking number", async () => {
    const text = await world.simulators.text(unit.mobile, "SMS_470010005");
    assert.match(text.text, /SF1400000000035/);
    await headed(page, "证书已寄出，等待发票");
    await page.getByText("SF1400000000035").first().waitFor();
    await eyes.look(page, "case-shipped");
  });
  await report.step("finance sends the invoice", async () => {
    const finance = new Clerk(world, await browser.person(), "yingtan");
    await finance.logIn("finance");
    await finance.takeNext(unit);
    await finance.act("发出发票", { 发票号码: INVOICE });
    story.invoice = await pictures.pdf("发票.pdf", "电子发票", [unit.name, "220.00 元"]);
    await field(finance.page, "电子发票").setInputFiles(story.invoice);
    await eyes.look(finance.page, "console-invoice");
    await finance.press("发出发票");
    await finance.state("已完成");
  });
  await report.step("the invoice comes by mail, whole", async () => {
    const mail = await world.mailbox.mailTo(unit.email);
    assert(mail.subject.includes(story.number), mail.subject);
    assert(mail.text.includes(INVOICE) && mail.text.includes("SF1400000000035"), mail.text);
    assert.equal(mail.attachments.length, 1);
    const sent = createHash("sha256").update(await readFile(story.invoice)).digest("hex");
    assert.equal(mail.attachments[0].sha256, sent);
    assert.equal(mail.attachments[0].type, "application/pdf");
  });
  await report.step("the application is done", async () => {
    await headed(page, "已完成");
    await eyes.look(page, "case-done");
  });
  await report.step("each thing was told once", async () => {
    const texts = await world.simulators.texts(unit.mobile);
    const told = texts.map((text) => text.template).filter((template) => template.startsWith("SMS_47001"));
    // Refused, passed, paid, papers refused, shipped.
    assert.deepEqual(told, ["SMS_470010002", "SMS_470010001", "SMS_470010003", "SMS_470010004", "SMS_470010005"]);
    assert.equal((await world.mailbox.mails()).length, 1);
  });
  await report.step("the administrator reads the history, and the audit holds", async () => {
    const administrator = new Clerk(world, await browser.person(), "yingtan");
    story.administrator = administrator;
    await administrator.logIn("admin");
    await administrator.open(story.case);
    await eyes.look(administrator.page, "console-case-done");
    await follow(administrator.page, "审计记录");
    await eyes.look(administrator.page, "console-audit");
    assert.match(await run(world.program, "audit", "verify", ...world.places), /the history is sound/);
  });
}
