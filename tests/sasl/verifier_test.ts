import { assertEquals, assertNotEquals } from "@std/assert";
import { preparePassword, prepareUser } from "../../lib/sasl/prepare.ts";
import {
  deriveVerifier,
  formatVerifier,
  parseVerifier,
  verifyPassword,
} from "../../lib/sasl/verifier.ts";
import { SALT } from "./known_users.ts";

const PENCIL = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" +
  "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" +
  "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

Deno.test("deriveVerifier() makes what other servers keep of RFC 7677's password", async () => {
  const verifier = await deriveVerifier("pencil", SALT, 4_096);
  assertEquals(formatVerifier(verifier), PENCIL);
});

Deno.test("parseVerifier() reads what formatVerifier() writes", async () => {
  const verifier = parseVerifier(PENCIL)!;
  assertEquals(formatVerifier(verifier), PENCIL);
  assertEquals(await verifyPassword("pencil", verifier), true);
  assertEquals(await verifyPassword("Pencil", verifier), false);
});

const NOT_VERIFIERS: [what: string, text: string][] = [
  ["nothing", ""],
  ["another mechanism's", PENCIL.replace("256", "1")],
  ["too few iterations", PENCIL.replace("4096", "4095")],
  ["too many iterations", PENCIL.replace("4096", "2000001")],
  ["no iterations", PENCIL.replace("4096", "")],
  ["no salt", PENCIL.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "")],
  [
    "a salt of 65 bytes",
    PENCIL.replace("W22ZaJ0SNY7soEsUEjb6gQ==", btoa("x".repeat(65))),
  ],
  ["an unpadded salt", PENCIL.replace("==", "")],
  ["a short stored key", PENCIL.replace("WG5d", "")],
  ["a short server key", PENCIL.replace("wfPL", "")],
  ["something behind it", `${PENCIL} `],
  ["something before it", ` ${PENCIL}`],
];

for (const [what, text] of NOT_VERIFIERS) {
  Deno.test(`parseVerifier() refuses ${what}`, () => {
    assertNotEquals(text, PENCIL);
    assertEquals(parseVerifier(text), undefined);
  });
}

/** RFC 4013 section 3, and bounds. */
const PREPARED: [text: string, prepared: string | undefined][] = [
  ["I\u00adX", "IX"],
  ["user", "user"],
  ["USER", "USER"],
  ["\u00aa", "a"],
  ["\u2168", "IX"],
  ["\u0007", undefined],
  ["a\u00a0b", "a b"],
  ["a\u1680b", "a b"],
  ["\ufeffuser", "user"],
  ["\u00ad", undefined],
  ["a\u2028b", undefined],
  ["a\x7fb", undefined],
  ["\ud800", undefined],
  ["", undefined],
  ["x".repeat(255), "x".repeat(255)],
  ["x".repeat(256), undefined],
  ["\ufdfa".repeat(100), undefined], // eighteen characters each
];

for (const [text, prepared] of PREPARED) {
  Deno.test(`prepareUser() makes ${JSON.stringify(prepared?.slice(0, 9))} of ${JSON.stringify(text.slice(0, 9))}`, () => {
    assertEquals(prepareUser(text), prepared);
  });
}

Deno.test("preparePassword() takes 1,024 bytes and no more", () => {
  assertEquals(preparePassword("x".repeat(1_024)), "x".repeat(1_024));
  assertEquals(preparePassword("x".repeat(1_025)), undefined);
});
