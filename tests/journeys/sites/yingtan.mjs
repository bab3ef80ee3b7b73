// A new certificate of the Yingtan project, from registering to the invoice (manual rows J-1 to J-11, C-1 to C-8).

import { filling, registering } from "./yingtan/draft.mjs";
import { faceCheck, uploading } from "./yingtan/proofs.mjs";
import { firstReview, paying } from "./yingtan/review.mjs";

export const chapters = [
  ["registering", registering],
  ["filling in", filling],
  ["the face check", faceCheck],
  ["uploading", uploading],
  ["the first review", firstReview],
  ["paying", paying],
];
