// A person's own certificate, from its application to its end in the console (manual rows F-3, F-14, C-6).

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Clerk } from "../../lib/clerk.mjs";
import { field, fill, follow, headed, press, refused } from "../../lib/forms.mjs";
import { run } from "../../lib/processes.mjs";
import { accept } from "./applying.mjs";
import { make, papersHaveCome, ship } from "./making.mjs";
import { handler } from "./people.mjs";

export async function ownCertificate({ report, eyes, files, story }) {
  const { applicant } = story;
  const { page } = applicant;

  await report.step("it is accepted, made and sent", async () => {
    await accept(story.reviewer, story.own);
    await papersHaveCome(story.reviewer, story.own);
    await make(story.maker, story.own, files, handler.name);
    await ship(story.shipper, story.own, "EC123456789CN");
  });
  await report.step("it is among mine, and is renewed as a person's", async () => {
    await page.goto(applicant.at(`/certificates?text=${encodeURIComponent(handler.name)}`));
    await page.getByRole("main").getByRole("link", { name: handler.name, exact: true }).click();
    await page.getByText("SHA-256 指纹").waitFor();
    story.ownSerial = new URL(page.url()).pathname.split("/").at(-1);
    assert.equal(await page.getByRole("link", { name: "个人证书续费" }).count(), 1);
    assert.equal(await page.getByRole("link", { name: "企业证书续费" }).count(), 0);
    // A person's identity number has no place in what everybody may read.
    assert(!(await page.getByRole("main").innerText()).includes(handler.number));
    await eyes.look(page, "fujian-certificate-own");
    await page.goto(applicant.at("/services/fujian/renew-personal/new"));
    await page.getByRole("radio", { name: new RegExp(handler.name) }).waitFor();
    assert.equal(await page.getByRole("radio").count(), 2, "this one, or a file");
  });
}

export async function turning({ world, browser, report, eyes, files, story }) {
  const { applicant } = story;
  const { page } = applicant;
  const administrator = new Clerk(world, await browser.person(), "fujian");
  const desk = administrator.page;
  const certificate = `/console/certificates/${story.ownSerial}`;
  const shown = async (words) => {
    await desk.locator(".title-line .tag", { hasText: words }).waitFor();
    await page.goto(applicant.at(`/certificates/${story.ownSerial}`));
    await page.locator(".title .tag", { hasText: words }).waitFor();
  };
  /** The certificate's entry on the site's list, as OpenSSL reads it; empty where there is none. */
  const listed = async () => {
    const bytes = await page.evaluate(async () => [...new Uint8Array(await (await fetch("/crl", { cache: "no-store" })).arrayBuffer())]);
    const file = path.join(files, "list.crl");
    await writeFile(file, Buffer.from(bytes));
    const text = await run("openssl", "crl", "-inform", "DER", "-in", file, "-noout", "-text");
    const entries = text.split("Serial Number: ").slice(1);
    return entries.find((entry) => entry.toLowerCase().startsWith(story.ownSerial)) ?? "";
  };

  await report.step("a clerk who is no administrator only looks", async () => {
    await story.reviewer.page.goto(story.reviewer.at(certificate));
    await headed(story.reviewer.page, handler.name);
    assert.equal(await story.reviewer.page.getByRole("link", { name: "冻结证书" }).count(), 0);
    const answer = await story.reviewer.page.goto(story.reviewer.at(`${certificate}/hold`));
    assert.equal(answer.status(), 403);
  });
  await report.step("it is frozen with a reason, and nothing happens without one", async () => {
    await administrator.logIn("admin");
    await desk.goto(administrator.at(certificate));
    await eyes.look(desk, "fujian-console-certificate");
    await follow(desk, "冻结证书");
    await press(desk, "冻结证书");
    await refused(desk, "原因", /请填写原因/);
    await eyes.look(desk, "fujian-console-certificate-hold");
    await field(desk, "原因").fill("持有人来电挂失，等待书面申请");
    await press(desk, "冻结证书");
    await shown("已冻结");
    assert.match(await listed(), /Certificate Hold/);
    await desk.goto(administrator.at("/console/certificates?standing=held"));
    await desk.getByRole("link", { name: handler.name, exact: true }).waitFor();
    assert.equal(await desk.locator("tbody tr").count(), 1);
    await eyes.look(page, "fujian-certificate-frozen");
  });
  await report.step("it is restored, and off the list", async () => {
    await desk.goto(administrator.at(certificate));
    await follow(desk, "解除冻结");
    await field(desk, "原因").fill("KEY 已找到，持有人书面申请恢复");
    await press(desk, "解除冻结");
    await shown("有效");
    assert.equal(await listed(), "");
  });
  await report.step("it is revoked for good, by a category of the list and in words", async () => {
    await desk.goto(administrator.at(certificate));
    await follow(desk, "注销证书");
    await field(desk, "原因").fill("KEY 遗失，持有人书面申请注销");
    await press(desk, "注销证书");
    await refused(desk, "注销类别（写入吊销列表）", /请选择注销类别/);
    assert.equal(await field(desk, "原因").inputValue(), "KEY 遗失，持有人书面申请注销");
    await fill(desk, { "注销类别（写入吊销列表）": "密钥泄露或遗失" });
    await eyes.look(desk, "fujian-console-certificate-revoke");
    await press(desk, "注销证书");
    await shown("已注销");
    assert.match(await listed(), /Key Compromise/);
    await page.getByText("密钥泄露或遗失").first().waitFor();
    assert.equal(await page.getByRole("link", { name: "个人证书续费" }).count(), 0);
    await eyes.look(page, "fujian-certificate-revoked");
    await page.goto(applicant.at(story.own));
    await page.getByText("KEY 遗失，持有人书面申请注销").first().waitFor();
    await desk.getByText("持有人来电挂失").waitFor();
    assert.equal(await desk.getByRole("link", { name: "冻结证书" }).count(), 0);
    await eyes.look(desk, "fujian-console-certificate-revoked");
  });
}
