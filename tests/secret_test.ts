import { assertEquals } from "@std/assert";
import { inspect } from "node:util";
import { Secret, SECRET_DOTS } from "../lib/secret.ts";

const secret = new Secret("open sesame");

const SHOWN: [how: string, text: string][] = [
  ["a template", `${secret}`],
  ["a concatenation", "" + secret],
  ["String()", String(secret)],
  ["JSON", JSON.parse(JSON.stringify({ secret })).secret],
  ["Deno.inspect()", Deno.inspect(secret)],
  ["inspect() of node:util", inspect(secret)],
];

for (const [how, text] of SHOWN) {
  Deno.test(`Secret shows dots in ${how}`, () =>
    assertEquals(text, SECRET_DOTS));
}

Deno.test("Secret shows dots inside an object that is printed whole", () => {
  for (
    const text of [
      Deno.inspect({ secret }),
      inspect({ a: [secret] }, { showHidden: true, depth: 9 }),
    ]
  ) {
    assertEquals(text.includes("sesame"), false);
  }
});

Deno.test("reveal() gives the text", () =>
  assertEquals(secret.reveal(), "open sesame"));
