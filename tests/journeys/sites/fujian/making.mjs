// The papers arrive, the certificates are made and sent; then they stand among the applicant's certificates (manual rows
// F-5, F-13, F-14, C-6).

import assert from "node:assert/strict";
import path from "node:path";
import { Clerk } from "../../lib/clerk.mjs";
import { download, field, fill, follow, headed, press } from "../../lib/forms.mjs";
import { certificateRequest, certificateText, verifyCertificate } from "../../lib/tools.mjs";
import { accept } from "./applying.mjs";
import { handler, unit } from "./people.mjs";

export async function making({ world, browser, report, eyes, files, story }) {
  const { applicant, reviewer } = story;
  const { page } = applicant;
  story.maker = new Clerk(world, await browser.person(), "fujian");
  story.shipper = new Clerk(world, await browser.person(), "fujian");

  await report.step("the second application of the order, paid already, is accepted", async () => {
    await accept(reviewer, story.second);
    await reviewer.state("待收材料");
  });
  await report.step("the applicant posts the papers", async () => {
    await page.goto(applicant.at(story.first));
    await follow(page, "填写快递单号");
    await fill(page, { 快递公司: "邮政 EMS", 快递单号: "EA123456789CN" });
    await press(page, "填写快递单号");
    await headed(page, "材料已寄出");
  });
  await report.step("the papers of both have come, and the maker makes the certificates", async () => {
    await story.maker.logIn("maker");
    for (const [place, path] of [story.first, story.second].entries()) {
      await papersHaveCome(reviewer, path);
      await make(story.maker, path, files, `${unit.name}-${place}`);
      await page.goto(applicant.at(path));
      await headed(page, "可领取");
    }
    await eyes.look(page, "fujian-case-ready");
  });
  await report.step("what is made is not printed any more", async () => {
    const papers = page.getByRole("region", { name: "表单与文书" });
    if (await papers.count()) assert(!(await papers.innerText()).includes("申请表"));
    const answer = await page.evaluate(async (path) => (await fetch(path)).status, story.form);
    assert([403, 404, 409].includes(answer), `${answer}`);
    // The second one was never printed: that is over, and nothing is put off.
    const printing = page.locator(".task", { hasText: "打印申请表" });
    assert.match(await printing.innerText(), /无需办理/);
    assert.equal(await page.getByText("稍后进行").count(), 0);
  });
  await report.step("the shipper sends them", async () => {
    await story.shipper.logIn("shipper");
    for (const path of [story.first, story.second]) await ship(story.shipper, path, "EA987654321CN");
    await page.goto(applicant.at(story.first));
    await headed(page, "已寄出");
    await page.getByText("EA987654321CN").first().waitFor();
    await eyes.look(page, "fujian-case-sent");
  });
  await report.step("now that all is sent, nothing asks for papers", async () => {
    await page.goto(applicant.at(story.order));
    await page.getByText("已付清").first().waitFor();
    assert.equal(await page.getByText(/回执单/).count(), 0);
    await page.goto(applicant.at("/orders"));
    const line = page.locator("tr", { has: page.locator(`a[href="${story.order}"]`) });
    await line.getByRole("link", { name: /下载发票/ }).waitFor();
    assert.equal(await line.getByRole("link", { name: /打印回执单/ }).count(), 0);
  });
}

/** A reviewer has the papers, or the key, on the desk. */
export async function papersHaveCome(reviewer, path) {
  await reviewer.open(path);
  await reviewer.press("材料齐全合格");
  await reviewer.state("待制作");
}

export async function make(maker, path, files, name) {
  const request = await certificateRequest(folder(files), name);
  await maker.open(path);
  await maker.act("制作证书", { 证书请求: request.pem });
  await maker.press("制作证书");
  // Issuing takes a moment; the maker's page goes on by itself.
  await maker.state("待寄出");
}

export async function ship(shipper, path, number) {
  await shipper.open(path);
  await shipper.act("寄出", { 快递公司: "邮政 EMS", 快递单号: number });
  await shipper.press("寄出");
  await shipper.state("已寄出");
}

const folder = (files) => path.join(files, "fujian-certificates");

export async function certificates({ report, eyes, files, story }) {
  const { applicant, reviewer } = story;
  const { page } = applicant;

  await report.step("both certificates are among mine, with their validity", async () => {
    await page.goto(applicant.at("/certificates"));
    const lines = page.getByRole("main").getByRole("link", { name: unit.name, exact: true });
    await lines.first().waitFor();
    assert.equal(await lines.count(), 2);
    await eyes.look(page, "fujian-certificates");
  });
  await report.step("its page tells all that stands in it, and OpenSSL agrees with the file", async () => {
    await page.getByRole("main").getByRole("link", { name: unit.name, exact: true }).first().click();
    await page.getByText("SHA-256 指纹").waitFor();
    await eyes.look(page, "fujian-certificate");
    // A unit's certificate is not renewed as a person's.
    assert.equal(await page.getByRole("link", { name: "企业证书续费" }).count(), 1);
    assert.equal(await page.getByRole("link", { name: "个人证书续费" }).count(), 0);
    story.certificate = path.join(folder(files), "mine.pem");
    const chain = path.join(folder(files), "chain.pem");
    await download(page, page.getByRole("link", { name: "证书文件 .cer（PEM）" }), story.certificate);
    await download(page, page.getByRole("link", { name: "证书链（含签发机构证书）" }), chain);
    assert.match(await verifyCertificate(folder(files), story.certificate, chain), /: OK/);
    const text = await certificateText(story.certificate);
    for (const part of [unit.name, unit.uscc]) assert(text.includes(part), text);
    const [, serial] = /Serial Number:\s*([0-9a-f:]+)/i.exec(text);
    story.serial = serial.replaceAll(":", "");
  });
  await report.step("a clerk finds the application by number, name, mobile, USCC and serial", async () => {
    await reviewer.open(story.first);
    const number = /\d{14}/.exec(await reviewer.page.getByRole("main").innerText())?.[0];
    for (const text of [number, unit.name, handler.mobile, unit.uscc, story.serial]) {
      await reviewer.page.goto(reviewer.at(`/console/search?text=${encodeURIComponent(text)}`));
      await reviewer.page.getByRole("main").getByRole("link", { name: unit.name }).first().waitFor();
    }
    await eyes.look(reviewer.page, "fujian-console-search");
    await reviewer.page.goto(reviewer.at("/console/certificates"));
    await reviewer.page.getByText(unit.name).first().waitFor();
    await eyes.look(reviewer.page, "fujian-console-certificates");
  });
  await report.step("a file that is no certificate of this CA is refused in words", async () => {
    await page.goto(applicant.at("/certificates/bind"));
    await eyes.look(page, "fujian-certificate-bind");
    await field(page, "证书文件").setInputFiles(path.join(folder(files), `${unit.name}-0.csr`));
    await press(page, "上传并绑定");
    await page.locator(".error-summary").waitFor();
    await eyes.look(page, "fujian-certificate-bind-refused");
  });
  await report.check("a certificate is bound by its file; twice changes nothing", async () => {
    for (let times = 0; times < 2; times += 1) {
      await page.goto(applicant.at("/certificates/bind"));
      await field(page, "证书文件").setInputFiles(story.certificate);
      await press(page, "上传并绑定");
      await headed(page, unit.name);
    }
    await page.goto(applicant.at("/certificates"));
    assert.equal(await page.getByRole("main").getByRole("link", { name: unit.name, exact: true }).count(), 2);
  });
}
