import { assertEquals, assertThrows } from "@std/assert";
import { parseOptions, UsageError } from "../../lib/cli/usage.ts";

const NAMES = {
  string: ["config", "from"],
  collect: ["to"],
  boolean: ["json"],
};

Deno.test("parseOptions() gives values, the last one of those that may stand once", () => {
  const options = parseOptions(
    ["-c", "a", "--config=b", "--to", "x", "--to=y", "--json", "FILE"],
    NAMES,
    1,
  );
  assertEquals(options.value("config"), "b");
  assertEquals(options.values("to"), ["x", "y"]);
  assertEquals(options.has("json"), true);
  assertEquals(options.rest, ["FILE"]);
});

for (const args of [["--from", ""], ["--from="]]) {
  Deno.test(`parseOptions() takes an empty sender from ${args.join(" ")}`, () => {
    assertEquals(parseOptions(args, NAMES).value("from"), "");
  });
}

const REFUSED: [args: string[], problem: string][] = [
  [["--from"], "Option --from has no value: expected one"],
  [["--from", "--to", "b@c.test"], "Option --from has no value: expected one"],
  [["--to"], "Option --to has no value: expected one"],
  [["--to", "a", "--to", ""], "Option --to has no value: expected one"],
  [
    ["--form", "a"],
    'Unknown option "--form": expected --config, --from, --to, --json',
  ],
  [["a"], 'Unexpected argument "a": expected options only'],
];

for (const [args, problem] of REFUSED) {
  Deno.test(`parseOptions() refuses ${JSON.stringify(args)}`, () => {
    assertThrows(() => parseOptions(args, NAMES), UsageError, problem);
  });
}

Deno.test("parseOptions() refuses an option where none is known", () => {
  assertThrows(
    () => parseOptions(["--all"], {}),
    UsageError,
    'Unknown option "--all": expected none',
  );
});
