import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Recording } from "../../lib/record/recording.ts";
import { accountsIn } from "../../lib/replay/accounts.ts";
import { playInMemory } from "../../lib/replay/in_memory.ts";
import { play } from "../../lib/replay/play.ts";
import { openPostern } from "../../lib/replay/postern.ts";
import type { Stage, StageWire } from "../../lib/replay/stage.ts";
import { Secrets } from "../../lib/replay/secrets.ts";
import { configOf } from "../../lib/replay/transcript_config.ts";
import { isSaid, posternEnd, type Wire } from "../../lib/transcript/steps.ts";
import { fromOctets } from "../../lib/transcript/template.ts";
import { transcript } from "../transcript/support.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures/", import.meta.url));

const HOSTNAME = "mx.postern.test";

/** What stood there for an answer was none, and isn't kept to be said again. */
const NO_ANSWER = /\$\{secret:\w+\}.*\nS: 50[01]/;

/** What is told otherwise than it was, and why. */
const OTHERWISE: readonly [name: RegExp, why: string][] = [
  [/^starttls_half_a_command/, "half a line came with STARTTLS"],
  [
    /^binarymime_chunk/,
    "the relay's chunks are cut as the client's octets come",
  ],
  [/^auth_out_scram_/, "what a relay says in SCRAM is made anew, and right"],
];

/** Who may log in. */
const VALUES = new Map([["auth", "user:secret"], ["wrong", "user:wrong"]]);

/** A stage on which all that is said is recorded. */
class RecordedStage implements Stage {
  readonly #inner: Stage;
  readonly #recording: Recording;
  readonly #tell: (ms: number) => void;
  readonly #recorded = new Map<StageWire, StageWire>();

  constructor(inner: Stage, recording: Recording, tell: (ms: number) => void) {
    this.#inner = inner;
    this.#recording = recording;
    this.#tell = tell;
  }

  get delivered(): Stage["delivered"] {
    return this.#inner.delivered;
  }

  wires(name: Wire): readonly StageWire[] {
    return this.#inner.wires(name).map((wire) =>
      this.#recorded.getOrInsertComputed(wire, () => this.#record(name, wire))
    );
  }

  #record(name: Wire, wire: StageWire): StageWire {
    const recording = this.#recording;
    const ours = posternEnd(name);
    const theirs = ours === "client" ? "server" : "client";
    return {
      send(bytes) {
        recording.said(name, theirs, bytes);
        return wire.send(bytes);
      },
      async line() {
        const line = await wire.line();
        if (typeof line === "string") {
          recording.said(name, ours, fromOctets(`${line}\r\n`));
        } else if (line === null) {
          if (wire.unfinished !== "") {
            recording.said(name, ours, fromOctets(wire.unfinished));
          }
          recording.ended(name, ours === "server" ? "close" : "eof");
        }
        return line;
      },
      hasLine: () => wire.hasLine(),
      get unfinished() {
        return wire.unfinished;
      },
      startTls() {
        recording.secured(name);
        return wire.startTls();
      },
      get isClosed() {
        return wire.isClosed === true;
      },
      end(how) {
        const kind = how === "eof" && theirs === "server" ? "close" : how;
        recording.ended(name, kind);
        wire.end(how);
      },
    };
  }

  settle(): Promise<void> {
    return this.#inner.settle();
  }

  wait(ms: number): Promise<void> {
    this.#tell(ms);
    return this.#inner.wait(ms);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#inner[Symbol.asyncDispose]();
  }
}

for (const folder of ["server", "relay"]) {
  Deno.test(`Recording of each of fixtures/${folder} plays back`, async () => {
    const failures: string[] = [];
    for (const { name } of Deno.readDirSync(join(FIXTURES, folder))) {
      const isTold = !OTHERWISE.some(([pattern]) => pattern.test(name));
      if (!name.endsWith(".txt") || !isTold) continue;
      const file = join(FIXTURES, folder, name);
      const fixture = transcript(Deno.readTextFileSync(file));
      const readMessage = (path: string) =>
        Deno.readFileSync(join(dirname(file), path));
      let now = 0;
      const recording = new Recording({
        title: name,
        settings: fixture.settings,
        variables: { host: HOSTNAME, id: "00000000" },
        now: () => now,
        maxBytes: 10_000_000,
      });
      await using stage = await openPostern({
        config: configOf(fixture),
        client: fixture.client ?? "127.0.0.1",
        clock: fixture.clock ?? Date.UTC(2026, 0, 1, 12),
        accounts: accountsIn(VALUES),
        probesRelay: fixture.steps.find(isSaid)?.wire === "relay",
      });
      const recorded = new RecordedStage(stage, recording, (ms) => now += ms);
      const known = { host: HOSTNAME, id: "00000000" };
      const secrets = new Secrets(VALUES, fixture.steps);
      await play(fixture, recorded, { readMessage, known, secrets });
      const { text } = recording.format();
      if (NO_ANSWER.test(text)) continue;
      const played = transcript(text);
      const { failure } = await playInMemory(played, {
        splits: ["whole", "bytes", "pipelined", "random:1"],
        readMessage,
      });
      if (failure) {
        failures.push(`${text}\n${JSON.stringify({ ...failure, file })}`);
      }
      assert(text.includes("S: ") || text.includes("== "));
    }
    assertEquals(failures.join("\n\n"), "");
  });
}
