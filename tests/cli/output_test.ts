import { assertEquals } from "@std/assert";
import { main } from "../../cli.ts";
import { print } from "../../lib/cli/usage.ts";
import { Outputs } from "./output.ts";

const FAULTS: [what: string, fault: Error, stderr: string][] = [
  [
    "a full disk",
    new Error("No space left on device (os error 28)"),
    "Cannot write the output: No space left on device\n",
  ],
  ["a closed pipe", new Deno.errors.BrokenPipe("Broken pipe"), ""],
];

for (const [what, fault, stderr] of FAULTS) {
  Deno.test(`A command that writes to ${what} ends with status 1, and ${stderr === "" ? "says nothing" : "one line"}`, async () => {
    using outputs = new Outputs(() => {
      throw fault;
    });
    assertEquals(await main(["version"]), 1);
    assertEquals(outputs.stderr, stderr);
  });
}

Deno.test("print() writes the whole line, however little is taken at once", () => {
  using outputs = new Outputs((bytes) => Math.min(bytes.length, 3));
  print("a line • of some length");
  assertEquals(outputs.stdout, "a line • of some length\n");
});
