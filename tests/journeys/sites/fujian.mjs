// Fujian: several applications in one order, bank transfer, finance, invoices, renewals paid online (manual rows F-1 to
// F-14, C-1 to C-8).

import { passwords, registering, registeringAgain } from "./fujian/account.mjs";
import { accepting, applying } from "./fujian/applying.mjs";
import { fromFile } from "./fujian/from_file.mjs";
import { invoicingByHand } from "./fujian/invoicing.mjs";
import { lists } from "./fujian/lists.mjs";
import { certificates, making } from "./fujian/making.mjs";
import { ordering } from "./fujian/ordering.mjs";
import { ownCertificate, turning } from "./fujian/own_certificate.mjs";
import { closing, refunding } from "./fujian/refunding.mjs";
import { renewed, renewing } from "./fujian/renewing.mjs";
import { transferring } from "./fujian/transferring.mjs";

/** In this order; each builds upon those before it. */
export const chapters = [
  ["registering", registering],
  ["applying", applying],
  ["one order over two applications", ordering],
  ["accepting", accepting],
  ["bank transfer", transferring],
  ["passwords", passwords],
  ["making and sending", making],
  ["my certificates", certificates],
  ["renewing from a file", fromFile],
  ["renewing, paid online", renewing],
  ["an invoice by hand", invoicingByHand],
  ["renewed", renewed],
  ["a certificate of one's own, and money back", refunding],
  ["its making", ownCertificate],
  ["frozen, restored, revoked", turning],
  ["long lists", lists],
  ["registering again", registeringAgain],
  ["the books", closing],
];
