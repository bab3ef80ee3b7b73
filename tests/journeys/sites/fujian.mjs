// Fujian: several applications in one order, bank transfer, finance, invoices, renewals paid online (manual rows F-1 to
// F-14, C-1 to C-8).

import { passwords, registering, registeringAgain } from "./fujian/account.mjs";
import { accepting, applying } from "./fujian/applying.mjs";
import { certificates, making } from "./fujian/making.mjs";
import { ordering } from "./fujian/ordering.mjs";
import { closing, refunding } from "./fujian/refunding.mjs";
import { renewing } from "./fujian/renewing.mjs";
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
  ["renewing, paid online", renewing],
  ["money back", refunding],
  ["registering again", registeringAgain],
  ["the books", closing],
];
