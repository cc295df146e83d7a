import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Log, memorySink } from "../../lib/log/log.ts";
import { Recorder, type RecorderOptions } from "../../lib/record/recorder.ts";
import type { SessionRecording } from "../../lib/record/session_recording.ts";
import {
  prepareFolder,
  TranscriptFileError,
  writeTranscript,
} from "../../lib/record/transcript_file.ts";
import { memoryPair } from "../support/memory_pair.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** When all sessions here begin. */
const NOW = Date.UTC(2026, 10, 24, 14, 15, 0, 250);

/** A recorder with a folder of its own, and its log. */
class Desk implements AsyncDisposable {
  readonly folder: string;
  readonly recorder: Recorder;
  readonly #sink = memorySink();
  readonly #log: Log = new Log({ sink: this.#sink });

  constructor(folder: string, options: Partial<RecorderOptions>) {
    this.folder = folder;
    const now = () => NOW;
    this.recorder = new Recorder({ log: this.#log, now, ...options });
  }

  static async open(options: Partial<RecorderOptions> = {}): Promise<Desk> {
    return new Desk(await Deno.makeTempDir(), options);
  }

  begin(id: string): SessionRecording {
    return this.recorder.begin({
      folder: this.folder,
      id,
      title: `Session ${id}`,
      settings: [{ key: "client", text: "192.0.2.7" }],
      variables: { id },
    });
  }

  get log(): string {
    this.#log.flush();
    return this.#sink.lines.join("\n");
  }

  get files(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recorder.settled();
    this.#log.close();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A server's side of a session that says something. */
async function say(session: SessionRecording, text: string): Promise<void> {
  const [inner, theirs] = memoryPair();
  const server = session.tap(inner, "server");
  await server.write(encode(text));
  server.close();
  theirs.close();
}

Deno.test("Recorder writes a session's transcript, which is its owner's alone", async () => {
  await using desk = await Desk.open();
  const session = desk.begin("1a2b3c4d");
  await say(session, "220 hello 1a2b3c4d\r\n");
  const path = await desk.recorder.end(session);
  assertEquals(path, `${desk.folder}/2026-11-24T141500Z-1a2b3c4d.txt`);
  assertEquals(desk.files, ["2026-11-24T141500Z-1a2b3c4d.txt"]);
  const { mode } = await Deno.stat(path!);
  assertEquals(mode! & 0o777, 0o600);
  assertMatch(
    await Deno.readTextFile(path!),
    /^# Session 1a2b3c4d\n@client 192\.0\.2\.7\n\nS: 220 hello \$\{id\}\n== close\n$/,
  );
  assertEquals(desk.recorder.heldBytes, 0);
  assertEquals(desk.log, "");
});

Deno.test("Recorder takes down nothing that is said after the end", async () => {
  await using desk = await Desk.open();
  const session = desk.begin("a");
  await say(session, "220 first\r\n");
  session.end("It went on");
  await say(session, "220 second\r\n");
  const text = await Deno.readTextFile((await desk.recorder.end(session))!);
  assertEquals(text.includes("second"), false);
  assertMatch(text, /# It went on\n$/);
});

Deno.test("Recorder gives a session up that is too long, and goes on with the others", async () => {
  await using desk = await Desk.open({ maxSessionBytes: 1_000 });
  const [long, short] = [desk.begin("long"), desk.begin("short")];
  await say(long, `220 ${"x".repeat(2_000)}\r\n`);
  await say(long, "220 more\r\n");
  await say(short, "220 hello\r\n");
  assertEquals(await desk.recorder.end(long), undefined);
  assertMatch((await desk.recorder.end(short))!, /short\.txt$/);
  assertEquals(desk.recorder.heldBytes, 0);
  assertMatch(
    desk.log,
    /^\S+ warn +long recording-incomplete reason="the session is too long"$/,
  );
});

Deno.test("Recorder gives a session up that is one too much for its memory", async () => {
  await using desk = await Desk.open({ maxTotalBytes: 3_000 });
  const [first, second] = [desk.begin("first"), desk.begin("second")];
  await say(first, `220 ${"x".repeat(1_000)}\r\n`);
  await say(second, `220 ${"x".repeat(2_500)}\r\n`);
  assert(desk.recorder.heldBytes > 1_000 && desk.recorder.heldBytes <= 3_000);
  assertEquals(await desk.recorder.end(second), undefined);
  assertMatch((await desk.recorder.end(first))!, /first\.txt$/);
  assertMatch(desk.log, /second recording-incomplete reason="too much/);
  assertEquals(desk.recorder.heldBytes, 0);
});

Deno.test("Recorder has so many wait to be written, and no more", async () => {
  await using desk = await Desk.open({ maxPending: 2 });
  const ended = [];
  for (let i = 0; i < 10; i++) {
    const session = desk.begin(`s${i}`);
    await say(session, "220 hello\r\n");
    ended.push(session);
  }
  // In one turn, so that none is written in between; four are at it at once.
  const paths = await Promise.all(
    ended.map((session) => desk.recorder.end(session)),
  );
  assertEquals(paths.filter((path) => path !== undefined).length, 6);
  assertEquals(desk.files.length, 6);
  assertEquals(desk.log.match(/too many wait/g)?.length, 4);
  assertEquals(desk.recorder.heldBytes, 0);
});

Deno.test("Recorder writes one session after the other", async () => {
  await using desk = await Desk.open();
  for (let i = 0; i < 10; i++) {
    const session = desk.begin(`s${i}`);
    await say(session, "220 hello\r\n");
    await desk.recorder.end(session);
  }
  assertEquals(desk.files.length, 10);
});

/** Says something at every turn, as long as it is told to. */
function talker(turns: number): { desk: Promise<Desk>; count: () => number } {
  let [count, speak] = [0, () => {}];
  const giveWay = () => {
    if (++count <= turns) speak();
    return Promise.resolve();
  };
  const desk = Desk.open({ giveWay, maxTotalBytes: 100_000 }).then((desk) => {
    const tap = desk.begin("talker").relay("r").opening();
    speak = () => tap.said("client", encode("x\r\n"));
    return desk;
  });
  return { desk, count: () => count };
}

Deno.test("Recorder makes no transcript as long as sessions have something to say", async () => {
  const { desk: opened, count } = talker(20);
  await using desk = await opened;
  const session = desk.begin("a");
  await say(session, "220 hello\r\n");
  assertMatch((await desk.recorder.end(session))!, /a\.txt$/);
  assert(count() > 20);
});

Deno.test("Recorder waits for no session once it is to be done with all", async () => {
  const { desk: opened, count } = talker(Infinity);
  await using desk = await opened;
  const session = desk.begin("a");
  await say(session, "220 hello\r\n");
  const ended = desk.recorder.end(session);
  await desk.recorder.settled();
  assertMatch((await ended)!, /a\.txt$/);
  assert(count() < 20);
});

Deno.test("Recorder waits for no session where much is held", async () => {
  const { desk: opened, count } = talker(Infinity);
  await using desk = await opened;
  const session = desk.begin("a");
  await say(session, `220 ${"x".repeat(60_000)}\r\n`);
  assertMatch((await desk.recorder.end(session))!, /a\.txt$/);
  assert(count() < 20);
});

Deno.test("Recorder says which transcript could not be written, and tries the next one", async () => {
  await using desk = await Desk.open();
  const [lost, kept] = [desk.begin("lost"), desk.begin("kept")];
  await say(lost, "220 hello\r\n");
  await say(kept, "220 hello\r\n");
  await Deno.mkdir(`${lost.path}.part`);
  assertEquals(await desk.recorder.end(lost), undefined);
  assertMatch((await desk.recorder.end(kept))!, /kept\.txt$/);
  assertMatch(
    desk.log,
    /error lost recording-failed file=\S+lost\.txt reason=/,
  );
  assertEquals(desk.recorder.heldBytes, 0);
});

Deno.test("writeTranscript() leaves nothing of a file that holds a secret, and does not say it", async () => {
  await using desk = await Desk.open();
  const error = await assertRejects(
    () =>
      writeTranscript(`${desk.folder}/a.txt`, "C: sesame é\n", [
        "tahini",
        "sesame é",
      ]),
    TranscriptFileError,
    "A secret was left in it",
  );
  assertEquals(error.message.includes("sesame"), false);
  assertEquals(desk.files, []);
  await writeTranscript(`${desk.folder}/a.txt`, "C: sesame\n", ["tahini"]);
  assertEquals(desk.files, ["a.txt"]);
});

Deno.test("writeTranscript() never writes over what is there aside", async () => {
  await using desk = await Desk.open();
  const aside = `${desk.folder}/a.txt.part`;
  await Deno.writeTextFile(aside, "someone else's");
  await assertRejects(
    () => writeTranscript(`${desk.folder}/a.txt`, "C: x\n", []),
    TranscriptFileError,
  );
});

Deno.test("prepareFolder() makes folders, and leaves nothing in them", async () => {
  await using desk = await Desk.open();
  const folder = `${desk.folder}/a/b`;
  await prepareFolder(folder);
  await prepareFolder(folder);
  assertEquals([...Deno.readDirSync(folder)], []);
});

Deno.test("prepareFolder() refuses what is no folder", async () => {
  await using desk = await Desk.open();
  await Deno.writeTextFile(`${desk.folder}/file`, "");
  await assertRejects(
    () => prepareFolder(`${desk.folder}/file`),
    TranscriptFileError,
    `Cannot record in "${desk.folder}/file": `,
  );
});
