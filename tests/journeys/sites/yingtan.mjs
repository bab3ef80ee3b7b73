// A new certificate of the Yingtan project, from registering to the invoice (manual rows J-1 to J-11, C-1 to C-8).

import { filling, registering } from "./yingtan/draft.mjs";
import { making, posting, sending } from "./yingtan/papers.mjs";
import { faceCheck, uploading } from "./yingtan/proofs.mjs";
import { firstReview, paying } from "./yingtan/review.mjs";
import { deleting, subKey } from "./yingtan/second_key.mjs";
import { recovering, upkeep } from "./yingtan/upkeep.mjs";
import { withoutScript } from "./yingtan/without_script.mjs";

/** In this order; each builds upon those before it. */
export const chapters = [
  ["registering", registering],
  ["filling in", filling],
  ["the face check", faceCheck],
  ["uploading", uploading],
  ["the first review", firstReview],
  ["paying", paying],
  ["the papers", posting],
  ["making", making],
  ["shipping and invoice", sending],
  ["a sub key", subKey],
  ["deleting", deleting],
  ["without a script", withoutScript],
  ["a forgotten password", recovering],
  ["looking after the site", upkeep],
];
