// What Postern relies on of the @std packages. It must pass with the stand-ins
// in std/ and, by `deno task test:jsr`, with the real ones: where they differ
// nothing here or in lib/ may look.

import * as assertions from "@std/assert";
import {
  assert,
  assertEquals,
  AssertionError,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { parseArgs } from "@std/cli";
import { parseArgs as parseArgsAlone } from "@std/cli/parse-args";
import { encodeHex as encodeHexOfAll } from "@std/encoding";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { parse } from "@std/toml";
import { parse as parseAlone } from "@std/toml/parse";

function throwing(error: unknown): () => never {
  return () => {
    throw error;
  };
}

const HOLDS: [name: string, assertion: () => void][] = [
  ["assert()", () => assert("x")],
  ["assertFalse()", () => assertions.assertFalse(0)],
  ["assertExists()", () => assertions.assertExists(0)],
  ["assertEquals()", () => assertEquals({ a: [1, NaN] }, { a: [1, NaN] })],
  [
    "assertEquals() of bytes",
    () => assertEquals(new Uint8Array([1, 2]), new Uint8Array([1, 2])),
  ],
  [
    "assertEquals() of a Map",
    () => assertEquals(new Map([["a", { b: 1 }]]), new Map([["a", { b: 1 }]])),
  ],
  ["assertEquals() of an object without prototype", () =>
    assertEquals(
      Object.assign(Object.create(null), { a: [Object.create(null)] }),
      { a: [{}] },
    )],
  ["assertNotEquals()", () => assertions.assertNotEquals({ a: 1 }, { a: 2 })],
  [
    "assertNotEquals() of a missing and an undefined property",
    () => assertions.assertNotEquals<unknown>({}, { a: undefined }),
  ],
  ["assertStrictEquals()", () => assertions.assertStrictEquals(NaN, NaN)],
  [
    "assertStringIncludes()",
    () => assertions.assertStringIncludes("250 OK", "OK"),
  ],
  ["assertMatch()", () => assertions.assertMatch("250 OK", /^2/)],
  [
    "assertInstanceOf()",
    () => assertions.assertInstanceOf(new TypeError(), Error),
  ],
  [
    "assertObjectMatch()",
    () =>
      assertions.assertObjectMatch({ a: { b: 1, c: 2 }, d: [1, 2] }, {
        a: { b: 1 },
        d: [1, 2],
      }),
  ],
  ["assertThrows()", () => assertThrows(throwing("not an Error"))],
  [
    "assertThrows() of a subclass and part of the message",
    () => assertThrows(throwing(new TypeError("Cannot x")), Error, "not"),
  ],
];

const FAILS: [name: string, assertion: () => void][] = [
  ["assert()", () => assert("")],
  ["assertFalse()", () => assertions.assertFalse(1)],
  ["assertExists()", () => assertions.assertExists(null)],
  ["assertEquals()", () => assertEquals<unknown>({ a: 1 }, { a: "1" })],
  [
    "assertEquals() of array and object",
    () => assertEquals<unknown>([1], { 0: 1, length: 1 }),
  ],
  ["assertNotEquals()", () => assertions.assertNotEquals({ a: 1 }, { a: 1 })],
  ["assertStrictEquals()", () => assertions.assertStrictEquals({}, {})],
  ["assertStringIncludes()", () => assertions.assertStringIncludes("a", "b")],
  ["assertMatch()", () => assertions.assertMatch("a", /b/)],
  [
    "assertInstanceOf()",
    () => assertions.assertInstanceOf(new Error(), TypeError),
  ],
  [
    "assertObjectMatch() of another value",
    () => assertions.assertObjectMatch({ a: { b: 1 } }, { a: { b: 2 } }),
  ],
  [
    "assertObjectMatch() of a missing key",
    () => assertions.assertObjectMatch({ a: 1 }, { b: 1 }),
  ],
  ["fail()", () => assertions.fail()],
  ["assertThrows() without a throw", () => assertThrows(() => {})],
  [
    "assertThrows() of another class",
    () => assertThrows(throwing(new Error("x")), TypeError),
  ],
  [
    "assertThrows() of another message",
    () => assertThrows(throwing(new Error("x")), Error, "y"),
  ],
  [
    "assertThrows() of no Error where a class is asked for",
    () => assertThrows(throwing("x"), Error),
  ],
];

for (const [name, assertion] of HOLDS) {
  Deno.test(`${name} holds`, assertion);
}

for (const [name, assertion] of FAILS) {
  Deno.test(`${name} fails with an AssertionError`, () => {
    let error: unknown;
    try {
      assertion();
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof AssertionError)) throw error ?? new Error("Held");
  });
}

Deno.test("assertThrows() returns the error, typed", () => {
  const error: TypeError = assertThrows(
    throwing(new TypeError("Cannot parse")),
    TypeError,
    "Cannot",
  );
  assertEquals(error.message, "Cannot parse");
});

Deno.test("assertRejects() returns the error, typed", async () => {
  const error: TypeError = await assertRejects(
    () => Promise.reject(new TypeError("Cannot read")),
    TypeError,
    "read",
  );
  assertEquals(error.message, "Cannot read");
});

Deno.test("assertRejects() fails where nothing rejects, or not the right thing", async () => {
  await assertRejects(
    () => assertRejects(() => Promise.resolve()),
    AssertionError,
  );
  await assertRejects(
    () => assertRejects(() => Promise.reject(new Error("x")), TypeError),
    AssertionError,
  );
  await assertRejects(
    () => assertRejects(throwing(new Error("x"))),
    AssertionError,
  );
});

Deno.test("assert() and assertExists() narrow the type", () => {
  const text: string | undefined = ["x"].at(0);
  assertions.assertExists(text);
  assertEquals(text.length, 1);
  const value: unknown = "x";
  assert(typeof value === "string");
  assertEquals(value.length, 1);
});

Deno.test("parseArgs() reads options of every kind, typed", () => {
  const args = parseArgs(
    [
      ...["-c", "a.toml", "--listen", "a:1", "--listen=b:2", "--json"],
      ...["--no-color", "FILE", "--log-level=debug", "--", "-q", "--no-x"],
    ],
    {
      "--": true,
      alias: { config: "c" },
      boolean: ["help", "json"],
      collect: ["listen", "to"],
      default: { "log-format": "text" },
      negatable: ["color"],
      string: ["config", "listen", "log-format", "log-level", "color", "to"],
    },
  );
  const config: string | undefined = args.config;
  const listen: string[] = args.listen;
  const json: boolean = args.json;
  const format: string = args["log-format"];
  const rest: string[] = args["--"];
  assertEquals(config, "a.toml");
  assertEquals(listen, ["a:1", "b:2"]);
  assertEquals(json, true);
  assertEquals(format, "text");
  assertEquals(rest, ["-q", "--no-x"]);
  assertEquals<unknown>(args.color, false);
  assertEquals(args.help, false);
  assertEquals(args["log-level"], "debug");
  assertEquals(args.to, []);
  assertEquals(args._, ["FILE"]);
});

Deno.test("parseArgs() takes the last of a repeated option", () => {
  assertEquals(
    parseArgs(["--to=a", "--to", "b"], { string: ["to"] }).to,
    "b",
  );
});

Deno.test("parseArgs() gives an option without its value as empty text", () => {
  assertEquals(parseArgs(["--to"], { string: ["to"] }).to, "");
});

Deno.test("parseArgs() keeps text as text and - as an argument", () => {
  const args = parseArgs(["--id=007", "08", "-"], { string: ["id", "_"] });
  assertEquals(args.id, "007");
  assertEquals(args._.map(String), ["08", "-"]);
});

Deno.test("parseArgs() stops at the first argument when told", () => {
  const args = parseArgs(["-v", "send", "--to", "a", "--no-x"], {
    boolean: ["v"],
    stopEarly: true,
  });
  assertEquals(args.v, true);
  assertEquals(args._, ["send", "--to", "a", "--no-x"]);
});

Deno.test("parseArgs() names each unknown option and leaves it out", () => {
  const seen: [string, string | undefined][] = [];
  const args = parseArgs(
    ["FILE", "--bad=3", "--worse", "--no-json", "-z", "--json"],
    {
      boolean: ["json"],
      unknown: (arg: string, key?: string) => {
        seen.push([arg, key]);
        return key === undefined;
      },
    },
  );
  assertEquals(seen, [
    ["FILE", undefined],
    ["--bad=3", "bad"],
    ["--worse", "worse"],
    ["--no-json", "no-json"],
    ["-z", "z"],
  ]);
  assertEquals(args.json, true);
  assertEquals(args._, ["FILE"]);
  assertEquals("bad" in args, false);
});

Deno.test("encodeBase64() leaves the caller his bytes, a view's too", () => {
  const bytes = new TextEncoder().encode("Username:Password:");
  const view = bytes.subarray(0, 9);
  assertEquals(encodeBase64(view), "VXNlcm5hbWU6");
  assertEquals(encodeBase64(view), "VXNlcm5hbWU6");
  assertEquals(encodeBase64(bytes.buffer), "VXNlcm5hbWU6UGFzc3dvcmQ6");
  assertEquals(bytes.length, 18);
});

Deno.test("encode and decode of base64, base64url and hex agree with RFC 4648", () => {
  const bytes = new TextEncoder().encode("f\xf0\xff?");
  assertEquals(encodeBase64(bytes), "ZsOww78/");
  assertEquals(encodeBase64("fo"), "Zm8=");
  assertEquals(decodeBase64("ZsOww78/"), bytes);
  assertEquals(encodeBase64Url(bytes), "ZsOww78_");
  assertEquals(decodeBase64Url("ZsOww78_"), bytes);
  assertEquals(encodeHex(bytes), "66c3b0c3bf3f");
  assertEquals(decodeHex("66C3b0c3bf3f"), bytes);
  assertThrows(() => decodeBase64("Zm8!"));
  assertThrows(() => decodeHex("6"));
});

Deno.test("parse() of TOML reads tables, and throws a SyntaxError", () => {
  assertEquals(
    parse('listen = ["a:1"]\n[limits]\ndata = "10MiB"\nerrors = 1_0\n'),
    { listen: ["a:1"], limits: { data: "10MiB", errors: 10 } },
  );
  assertThrows(() => parse("a = \n"), SyntaxError);
});

Deno.test("each package and its part export the same function", () => {
  assertEquals(parseArgs, parseArgsAlone);
  assertEquals(encodeHex, encodeHexOfAll);
  assertEquals(parse, parseAlone);
});
