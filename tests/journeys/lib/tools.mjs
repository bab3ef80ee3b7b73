// Programs that nobody here wrote, as judges: poppler, zbar and OpenSSL.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "./processes.mjs";

/** The text of a PDF. */
export const textOf = (pdf) => run("pdftotext", "-layout", pdf, "-");

/** What the QR codes of a PDF's first page say, read from it as a phone's camera would. */
export async function codesOf(pdf) {
  const picture = pdf.replace(/\.pdf$/, "");
  await run("pdftoppm", "-r", "150", "-f", "1", "-l", "1", "-singlefile", "-png", pdf, picture);
  return codesIn(`${picture}.png`);
}

export async function codesIn(picture) {
  const said = await run("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture);
  return said.split("\n").filter((line) => line);
}

/** A key as the maker's tool makes it in the token, and the request for its certificate. */
export async function certificateRequest(folder, name) {
  await mkdir(folder, { recursive: true });
  const [key, request] = [path.join(folder, `${name}.key`), path.join(folder, `${name}.csr`)];
  await run(
    ...["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8"],
    ...["-subj", `/C=CN/O=${name}`, "-keyout", key, "-out", request],
  );
  return { pem: await readFile(request, "utf8"), request };
}

/** Whether OpenSSL takes the certificate by the chain that came with it, whose last certificate is the root. */
export async function verifyCertificate(folder, certificate, chain) {
  const blocks = (await readFile(chain, "utf8")).match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  if (blocks.length < 2) throw new Error(`the chain holds ${blocks.length} certificates`);
  const [root, others] = [path.join(folder, "root.pem"), path.join(folder, "others.pem")];
  await writeFile(root, blocks.at(-1));
  await writeFile(others, blocks.slice(0, -1).join(""));
  return run("openssl", "verify", "-x509_strict", "-CAfile", root, "-untrusted", others, certificate);
}

/** The certificate in words. */
export const certificateText = (certificate) =>
  run("openssl", "x509", "-in", certificate, "-noout", "-text", "-nameopt", "utf8,sep_comma_plus,-esc_msb");

/** The public key of a certificate or of a request, as PEM. */
export const publicKeyOf = (kind, file) => run("openssl", kind, "-in", file, "-noout", "-pubkey");
