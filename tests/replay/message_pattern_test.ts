import { assert, assertEquals, assertThrows } from "@std/assert";
import { matchMessage } from "../../lib/replay/message_pattern.ts";
import {
  mailData,
  sentBytes,
  UnboundVariableError,
  wholeMessage,
} from "../../lib/replay/sending.ts";
import type { DeliveredStep } from "../../lib/transcript/steps.ts";
import {
  type Bindings,
  octetsOf,
  toOctets,
} from "../../lib/transcript/template.ts";
import { transcript } from "../transcript/support.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function delivered(...lines: string[]): DeliveredStep {
  const [step] = transcript(
    ["== delivered from=<> to=<a@b>", ...lines].join("\n"),
  ).steps;
  assert(step?.kind === "delivered");
  return step;
}

const EML = "Subject: x\n\n.dot\nend";

function compare(step: DeliveredStep, came: string, bindings: Bindings) {
  return matchMessage(step, encode(came), bindings, () => encode(EML));
}

const SAME: [what: string, lines: string[], came: string][] = [
  ["anything where nothing is claimed", [], "x"],
  ["lines", ["| a", "|", "| .ü"], "a\r\n\r\n.ü\r\n"],
  [
    "lines with bare newlines in them",
    ['|> "a\\nb\\rc\\r\\n"', "| d"],
    "a\nb\rc\r\nd\r\n",
  ],
  ["bytes", ['|> "a\\xc3"', '|> "\\xbc"'], "aü"],
  [
    "variables",
    ["| by ${host} id ${id};", "|  ${date}", "| ${id}"],
    "by a.b id 5;\r\n 1 Jan 2026 12:00 Z\r\n5\r\n",
  ],
  [
    "bytes with variables",
    ["| ${id}", '|> "${id} ${x}\\n"', "| ${x}"],
    "5\r\n5 ü\nü\r\n",
  ],
  [
    "a file between lines",
    ["| X: 1", "|< a.eml", "| x"],
    "X: 1\r\nSubject: x\r\n\r\n.dot\r\nend\r\nx\r\n",
  ],
];

for (const [what, lines, came] of SAME) {
  Deno.test(`matchMessage() takes ${what}`, () => {
    assertEquals(compare(delivered(...lines), came, new Map()), undefined);
  });
}

const OTHERS: [
  what: string,
  lines: string[],
  came: string,
  index: number,
  first: string | undefined,
][] = [
  ["another line", ["| a", "| b"], "a\r\nc\r\nd\r\n", 1, "c"],
  ["a line without its end", ["| a"], "a", 0, "a"],
  ["a line with LF", ["| a"], "a\n", 0, "a\n"],
  ["a message that ends early", ["| a", "| b"], "a\r\n", 1, undefined],
  ["a message that goes on", ["| a"], "a\r\nb\r\nc\r\n", 1, "b"],
  ["other bytes", ['|> "ab"'], "ac\r\n", 0, "ac"],
  ["too few bytes", ['|> "ab"'], "a", 0, "a"],
  ["another value", ["| ${x}", '|> "${x}"'], "a\r\nb", 1, "b"],
  [
    "another file",
    ["|< a.eml"],
    "Subject: y\r\n\r\n.dot\r\nend\r\n",
    0,
    "Subject: y",
  ],
];

for (const [what, lines, came, index, first] of OTHERS) {
  Deno.test(`matchMessage() refuses ${what}, and says where`, () => {
    const step = delivered(...lines);
    assertEquals(compare(step, came, new Map()), {
      part: step.message[index],
      index,
      // The first line is "a" in all of them.
      at: 3 * index,
      came: first,
    });
  });
}

Deno.test("sentBytes() puts variables in, as UTF-8", () => {
  const bindings: Bindings = new Map([["x", "ü"], ["secret:a", "s"]]);
  const bytes = (line: string) => {
    const [step] = transcript(line).steps;
    assert(step?.kind === "line" || step?.kind === "bytes");
    return octetsOf(sentBytes(step, bindings));
  };
  assertEquals(bytes("C: ä${x}"), toOctets("äü\r\n"));
  assertEquals(bytes("C:"), "\r\n");
  assertEquals(
    bytes('C> "\\xff${x}${secret:a}\\x00"'),
    `\xff${toOctets("ü")}s\x00`,
  );
  const error = assertThrows(() => bytes("C: ${y}"), UnboundVariableError);
  assertEquals(
    error.message,
    'Cannot send "${y}": expected a line above that has it',
  );
});

Deno.test("mailData() stuffs dots, wholeMessage() does not", () => {
  const message = "a\n.b\r\n..\r.";
  assertEquals(
    octetsOf(mailData(encode(message))),
    "a\r\n..b\r\n...\r\n..\r\n.\r\n",
  );
  assertEquals(
    octetsOf(wholeMessage(encode(message))),
    "a\r\n.b\r\n..\r\n.\r\n",
  );
  assertEquals(octetsOf(mailData(encode(""))), ".\r\n");
});
