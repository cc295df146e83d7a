import { assertEquals } from "@std/assert";
import { findPlaces } from "../../lib/config/places.ts";

function keysIn(text: string): Record<string, string> {
  return Object.fromEntries(
    [...findPlaces(text).keys].map((
      [key, { line, column }],
    ) => [key, `${line}:${column}`]),
  );
}

const CASES: [name: string, text: string, want: Record<string, string>][] = [
  ["plain keys", "a = 1\n  b=2\n", { a: "1:1", b: "2:3" }],
  ["tables", "[a]\nb = 1\n[ c . d ]\ne = 1", {
    a: "1:2",
    "a.b": "2:1",
    c: "3:3",
    "c.d": "3:3",
    "c.d.e": "4:1",
  }],
  ["dotted and quoted keys", `a.'b c'."d\\te" = 1`, {
    a: "1:1",
    'a."b c"': "1:1",
    'a."b c"."d\\te"': "1:1",
  }],
  ["arrays of tables", "[[a]]\nb=1\n[[a]]\nb=1\n[a.c]\nd=1", {
    a: "1:3",
    "a[0]": "1:3",
    "a[0].b": "2:1",
    "a[1]": "3:3",
    "a[1].b": "4:1",
    "a[1].c": "5:2",
    "a[1].c.d": "6:1",
  }],
  ["inline tables", "a = { b = 1, c.d = [{ e = 1 }] }\nf = 1", {
    a: "1:1",
    "a.b": "1:7",
    "a.c": "1:14",
    "a.c.d": "1:14",
    "a.c.d[0].e": "1:23",
    f: "2:1",
  }],
  [
    "long strings",
    'a = """\nb = 1 \\""" \n"""""\nc = \'\'\'\n[d]\'\'\'\ne = 1',
    { a: "1:1", c: "4:1", e: "6:1" },
  ],
  ["short strings", `a = "\\\\"\nb = '\\'\nc = "#"\nd = ''\ne = ""`, {
    a: "1:1",
    b: "2:1",
    c: "3:1",
    d: "4:1",
    e: "5:1",
  }],
  ["comments", "# a = 1\nb = [ # ]\n 1, # c = 1\n] # d = 1\ne = 1", {
    b: "2:1",
    e: "5:1",
  }],
  [
    "dates",
    "a = 1979-05-27 07:32:00 # b\nc = [1979-05-27 07:32:00, 1]\nd = 1",
    { a: "1:1", c: "2:1", d: "3:1" },
  ],
  ["CRLF", "a = 1\r\n\r\n[b]\r\nc = '''\r\n'''\r\nd = 1\r\n", {
    a: "1:1",
    b: "3:2",
    "b.c": "4:1",
    "b.d": "6:1",
  }],
];

for (const [name, text, want] of CASES) {
  Deno.test(`findPlaces() finds ${name}`, () =>
    assertEquals(keysIn(text), want));
}

Deno.test("findPlaces() finds values, and each entry of an array", () => {
  const { values } = findPlaces('a = 1\nb = [\n  "x", # y\n  [2],\n]');
  assertEquals(
    [...values].map(([key, { line, column }]) => `${key} ${line}:${column}`),
    ["a 1:5", "b 2:5", "b[0] 3:3", "b[1] 4:3", "b[1][0] 4:4"],
  );
});

const DUPLICATES: [text: string, want: string[]][] = [
  ["a = 1\na = 2\n'a' = 3", ["a 2:1", "a 3:1"]],
  ["[a]\nb = 1\n[c]\nb = 1\n[a.b.d]", []],
  ["[a]\n[a]", ["a 2:2"]],
  ["a.b = 1\na.c = 1\na.b = 1", ["a.b 3:1"]],
  ["[a]\nb = 1\n[[c]]\nb = 1\n[[c]]\nb = 1\nb = 2", ["c[1].b 7:1"]],
  ["[a.b]\n[a]\n", []],
  ["a = { b = 1, b = 2 }", ["a.b 1:14"]],
  ["a = 1\n[a]", ["a 2:2"]],
];

Deno.test("findPlaces() finds keys and tables that are there twice, and no others", () => {
  for (const [text, want] of DUPLICATES) {
    const got = findPlaces(text).duplicates.map(({ key, place }) =>
      `${key} ${place.line}:${place.column}`
    );
    assertEquals(got, want);
  }
});

Deno.test("findPlaces() ends on anything, in time linear in it", () => {
  const pieces = [
    '"',
    "'",
    '"""',
    "'''",
    "[",
    "[[",
    "{",
    "}",
    "]",
    ",",
    "=",
    ".",
    "#",
    "\\",
    "\n",
    "\r",
    " ",
    "a",
    "\0",
  ];
  for (const first of pieces) {
    for (const second of pieces) {
      for (const third of pieces) {
        findPlaces(first + second + third + first + second);
      }
      findPlaces((first + second).repeat(20_000));
    }
  }
});
