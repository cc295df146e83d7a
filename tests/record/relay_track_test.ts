import { assertEquals } from "@std/assert";
import { type RelayTap, RelayTrack } from "../../lib/record/relay_track.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** How long a kept connection may idle here, in ms. */
const IDLE_MS = 30_000;

/** A session with its clock and what its recording was told. */
class Session {
  readonly told: string[] = [];
  now = 0;
  readonly track: RelayTrack = new RelayTrack({
    said: (from, bytes) => {
      this.told.push(
        `${from === "client" ? "P" : "R"}: ${new TextDecoder().decode(bytes)}`,
      );
    },
    secured: () => void this.told.push("tls"),
    ended: (how) => void this.told.push(how),
  }, () => this.now);

  /** What it was told since the last look. */
  take(): string[] {
    return this.told.splice(0);
  }
}

/** A connection that this session has opened. */
function opened({ track }: Session): RelayTap {
  const tap = track.opening();
  tap.said("server", encode("220"));
  tap.said("client", encode("EHLO"));
  tap.said("server", encode("250"));
  tap.ready();
  return tap;
}

/** One message over it. */
function message(tap: RelayTap): void {
  tap.said("client", encode("MAIL"));
  tap.said("server", encode("250"));
  tap.settle(true);
}

const OPENING = ["R: 220", "P: EHLO", "R: 250"];
const MESSAGE = ["P: MAIL", "R: 250"];

Deno.test("RelayTrack has all of a connection that its session opened", () => {
  const session = new Session();
  message(opened(session));
  assertEquals(session.told, [...OPENING, ...MESSAGE]);
});

Deno.test("RelayTrack goes on without a greeting where its session keeps a connection", () => {
  const session = new Session();
  const tap = opened(session);
  message(tap);
  tap.leave(IDLE_MS);
  session.take();
  tap.join(session.track);
  message(tap);
  assertEquals(session.take(), MESSAGE);
});

Deno.test("RelayTrack begins with the greeting of a connection that another session opened", () => {
  const [first, second] = [new Session(), new Session()];
  const tap = opened(first);
  message(tap);
  tap.leave(IDLE_MS);
  first.take();
  tap.join(second.track);
  message(tap);
  tap.leave(IDLE_MS);
  assertEquals(second.take(), [...OPENING, ...MESSAGE]);
  assertEquals(first.take(), []);
});

Deno.test("RelayTrack has the change to TLS where it was made", () => {
  const [first, second] = [new Session(), new Session()];
  const tap = first.track.opening();
  tap.said("server", encode("220"));
  tap.secured();
  tap.said("client", encode("EHLO"));
  tap.ready();
  tap.leave(IDLE_MS);
  tap.join(second.track);
  tap.settle(true);
  const want = ["R: 220", "tls", "P: EHLO"];
  assertEquals(first.take(), want);
  assertEquals(second.take(), want);
});

Deno.test("RelayTrack knows nothing of a connection that the relay had let go of", () => {
  const [first, second] = [new Session(), new Session()];
  const stale = opened(first);
  message(stale);
  stale.leave(IDLE_MS);
  stale.join(second.track);
  stale.said("client", encode("MAIL"));
  stale.said("server", encode("421"));
  stale.ended("close");
  stale.settle(false);
  message(opened(second));
  assertEquals(second.take(), [...OPENING, ...MESSAGE]);
});

Deno.test("RelayTrack ends the connection of the last message when its session opens another", () => {
  const session = new Session();
  const tap = opened(session);
  message(tap);
  tap.leave(IDLE_MS);
  session.take();
  message(opened(session));
  assertEquals(session.take(), ["close", ...OPENING, ...MESSAGE]);
});

Deno.test("RelayTrack greets again once the last connection has idled for too long", () => {
  const session = new Session();
  const tap = opened(session);
  message(tap);
  tap.leave(IDLE_MS);
  session.take();
  session.now = IDLE_MS;
  const other = opened(new Session());
  other.leave(IDLE_MS);
  other.join(session.track);
  message(other);
  assertEquals(session.take(), [...OPENING, ...MESSAGE]);
  // And then there is no old one to be ended.
  other.leave(IDLE_MS);
  session.now *= 2;
  message(opened(session));
  assertEquals(session.take(), [...OPENING, ...MESSAGE]);
});

Deno.test("RelayTrack greets again after its session lost the connection", () => {
  const session = new Session();
  const tap = opened(session);
  message(tap);
  tap.leave(IDLE_MS);
  tap.join(session.track);
  message(tap);
  tap.ended("reset");
  session.take();
  const other = opened(new Session());
  other.leave(IDLE_MS);
  other.join(session.track);
  message(other);
  assertEquals(session.take(), [...OPENING, ...MESSAGE]);
});

Deno.test("RelayTap tells nobody what an idle connection says", () => {
  const session = new Session();
  const tap = opened(session);
  tap.leave(IDLE_MS);
  session.take();
  tap.said("client", encode("QUIT"));
  tap.ended("eof");
  assertEquals(session.take(), []);
});

Deno.test("RelayTap tells what was said though the session gives it back at once", () => {
  const [first, second] = [new Session(), new Session()];
  const tap = opened(first);
  tap.leave(IDLE_MS);
  tap.join(second.track);
  tap.leave(IDLE_MS);
  tap.settle(true);
  assertEquals(second.take(), OPENING);
});
