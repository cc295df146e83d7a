/**
 * What the tests of transcripts share.
 *
 * @module
 */

import type { Step, Transcript } from "../../lib/transcript/steps.ts";
import { formatProblem, parseTranscript } from "../../lib/transcript/parse.ts";

/** The transcript of a text that must be one. */
export function transcript(text: string | Uint8Array): Transcript {
  const parsed = parseTranscript(text, "a.smtp");
  if (parsed.ok) return parsed.value;
  throw new Error(parsed.problems.map(formatProblem).join("\n"));
}

/** The problems of a text that is none. */
export function problems(text: string | Uint8Array): string[] {
  const parsed = parseTranscript(text, "a.smtp");
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
}

/** What a step says, without where it stands. */
export function bare(step: Step): Record<string, unknown> {
  const { line: _line, above: _above, source: _source, ...rest } = step;
  return rest;
}

/** Every kind of line, each in most of its forms. */
export const EVERYTHING = String.raw`# Everything.  RFC 5321
#
# @client is no setting here

@client 192.0.2.7
@relay.domains ["example.org"]  # and why
@limits.data   1000
@clock 2026-01-31T12:00:00Z
#in between
@requires pipelining
@requires SIZE
@split none

S: 220 ${"${host}"} ESMTP Postern
C: EHLO stranger.test
S: 250-${"${host}"}
S* 250-
S*
S! 250.STARTTLS
S~ 250 .*
C> "MAIL FROM:<a@b>\r\nRCPT \x54O:<\"\\\">\t\xff${"${secret:a}"}\r\n"
S> "250 ok\n"
C< messages/a b.eml
C:
C:  two spaces, and one behind 
C: tab	ünï😀
P: MAIL FROM:<a@b>
P~ RCPT TO:<.*>
P> "x"
R: 250 ok
R~ 250 ${"${id}"} \d{3}
R* 250-
R! 5\d\d.*
R> "250 half"
P2: MAIL FROM:<a@b>
P2~ RCPT TO:<.*>
P2> "x"
R2: 250 ok
R2~ 250 .*
R2* 250-
R2! 5\d\d.*
R2> "250 half"
spamd> PING SPAMC/1.5
spamd> "raw\x00\n"
spamd~ PING .*
spamd< SPAMD/1.5 0 PONG
spamd< "\n"
clamd> "zINSTREAM\x00"
== tls
== wait 301s
== wait 0ms
== eof
== tls relay
== eof clamd
S: 221 bye
== close
== reset
== close relay2

# what came out
== delivered from=<a@b.test> to=<c@d.test>,<postmaster>
| Received: by ${"${host}"} id ${"${id}"}; ${"${date}"}
|
|  indented
|> "bytes\n"
|> ""
|< messages/a b.eml
== delivered from=<> to=<"a>b"@d.test>

# the end
`;
