/**
 * Takes credentials out of a file's lines before a report shows them: what a
 * client says behind `AUTH MECHANISM`, and its answers to a 334, in every
 * notation.
 *
 * The rule: a `${secret:…}` stays, for it is none.
 *
 * A password in a message or in a server's line it does not know, nor an answer
 * to a challenge that is not in the file.
 *
 * @module
 */

import { SECRET_DOTS } from "../secret.ts";

/** A client's line in a transcript, a listing, or a log of swaks. */
const CLIENT = /^(?:[ \t]*(?:C|(P\d?))[:~<>] ?| [-~]> ?|\*[*~]> ?)/;

/** A server's line, likewise. */
const SERVER = /^(?:[ \t]*(?:S|(R\d?))[:~*!>] ?|<[-~] {1,2}|<[*~]\* ?)/;

/** Swaks' lines of a client's raw bytes: the same once more. */
const RAW = /^ {2}> ?/;

const INITIAL_RESPONSE = /^"?[ \t]*AUTH[ \t]+[^ \t]+[ \t]+/i;

const CHALLENGE = /^"?334/;

/** An answer to a challenge: base64, RFC 4954 section 4. */
const ANSWER =
  /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;

const SECRET_VARIABLE = /(\$\{secret:[^}]*\})/;

/**
 * Puts dots where credentials stand.
 *
 * @param lines All lines of a file.
 * @returns As many lines.
 */
export function withoutCredentials(lines: readonly string[]): string[] {
  /** The wires whose server has said 334, by the number of a relay's. */
  const asked = new Set<string>();
  return lines.map((line) => {
    const raw = RAW.exec(line);
    if (raw !== null) return hidden(line, raw[0].length);
    const server = SERVER.exec(line);
    if (server !== null) {
      const wire = (server[1] ?? "C").replace("R", "P");
      if (CHALLENGE.test(line.slice(server[0].length))) asked.add(wire);
      else asked.delete(wire);
      return line;
    }
    const client = CLIENT.exec(line);
    if (client === null) return line;
    const start = client[0].length;
    const said = INITIAL_RESPONSE.exec(line.slice(start));
    if (said !== null) return hidden(line, start + said[0].length);
    return asked.has(client[1] ?? "C") ? hidden(line, start) : line;
  });
}

/** What was expected and what came, as text. */
interface Difference {
  readonly expected: string;
  readonly came: string;
}

/**
 * Puts dots where credentials stand in a failure.
 *
 * @param difference What was expected and what came.
 * @param here The file's line at the failure, as it is shown.
 */
export function hideCredentials(
  { expected, came }: Difference,
  here: string,
): Difference {
  const [start] = INITIAL_RESPONSE.exec(came) ?? [];
  if (start !== undefined) came = hidden(came, start.length);
  if (!here.includes(SECRET_DOTS)) return { expected, came };
  return {
    expected: here.trim(),
    came: ANSWER.test(came) ? SECRET_DOTS : came,
  };
}

function hidden(line: string, from: number): string {
  const parts = line.slice(from).split(SECRET_VARIABLE).map((part, i) =>
    i % 2 === 1 || part === "" ? part : SECRET_DOTS
  );
  return line.slice(0, from) + parts.join("");
}
