/**
 * OAuth 2 access tokens for logging in to a relay: RFC 6749, the grants
 * `client_credentials` (section 4.4) and `refresh_token` (section 6).
 *
 * A token is kept until shortly before it runs out. A new refresh token in an
 * answer is used from then on, in memory: the file that the old one came from is
 * the operator's, who is told.
 *
 * The rule: secrets go to the configured endpoint alone, over https, wherever it
 * may redirect to; and no error has a word of what came from there but RFC
 * 6749's own codes.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { SecretError, type SecretSource } from "../sasl/secret_source.ts";
import { Secret } from "../secret.ts";
import { KeptSecret, type Obtained } from "./kept_secret.ts";

/** How long a request may take, in ms. */
export const OAUTH_TIMEOUT_MS = 30_000;

/** Largest answer read, in bytes: two tokens and some names. */
export const MAX_OAUTH_ANSWER_BYTES = 64 * 1_024;

/** How long a token is kept whose life is not told, in ms. RFC 6749 section 5.1. */
export const DEFAULT_TOKEN_LIFE_MS = 5 * 60_000;

/**
 * How long before its end a token is given up, in ms, so that it does not run
 * out on its way or by another clock; of short lives a half is kept.
 */
export const TOKEN_MARGIN_MS = 60_000;

/** Where tokens are had, and as who. */
export interface OAuthSettings {
  /** The token endpoint: https, or http to a loopback address. RFC 6749 section 3.2. */
  readonly tokenUrl: string;
  /** RFC 6749 section 2.2. */
  readonly clientId: string;
  /** Absent for a public client. */
  readonly clientSecret?: Secret | undefined;
  /** Present: the grant is `refresh_token`; absent: `client_credentials`. */
  readonly refreshToken?: Secret | undefined;
  /** RFC 6749 section 3.3; absent or empty: the server's default. */
  readonly scope?: string | undefined;
  /** Is told that the server gave a new refresh token, which no file has. */
  readonly onNewRefreshToken?: (() => void) | undefined;
  /**
   * How long a request may take, in ms.
   * @default {OAUTH_TIMEOUT_MS}
   */
  readonly timeoutMs?: number | undefined;
  /** The clock, in ms. */
  readonly now?: (() => number) | undefined;
}

/**
 * Tokens from a token endpoint.
 *
 * @throws {TypeError} `tokenUrl` can't be used.
 */
export function oauthToken(settings: OAuthSettings): SecretSource {
  const { timeoutMs = OAUTH_TIMEOUT_MS, now, onNewRefreshToken } = settings;
  const url = parseTokenUrl(settings.tokenUrl);
  let { refreshToken } = settings;
  const ask = async (signal: AbortSignal): Promise<Obtained> => {
    const answer = await request(url, settings, refreshToken, signal);
    if (answer.refreshToken !== undefined && refreshToken !== undefined) {
      const isNew = answer.refreshToken.reveal() !== refreshToken.reveal();
      refreshToken = answer.refreshToken;
      if (isNew) onNewRefreshToken?.();
    }
    return answer;
  };
  return new KeptSecret("token", ask, timeoutMs, now);
}

/**
 * Reads a token endpoint's URL.
 *
 * @throws {TypeError} It is none, or would show the secrets on the way.
 */
export function parseTokenUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = url !== undefined &&
    /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  const isSafe = url?.protocol === "https:" ||
    url?.protocol === "http:" && isLoopback;
  // Userinfo would be printed with the URL.
  if (url !== undefined && isSafe && url.username + url.password === "") {
    url.hash = ""; // RFC 6749 section 3.2 allows none
    return url;
  }
  throw new TypeError(
    "Cannot use the token URL: expected https://HOST/PATH, without a password, or http:// to a loopback address",
  );
}

/** What the endpoint gave. */
interface Answer extends Obtained {
  readonly refreshToken?: Secret;
}

async function request(
  url: URL,
  { clientId, clientSecret, scope = "" }: OAuthSettings,
  refreshToken: Secret | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const body = new URLSearchParams({
    grant_type: refreshToken === undefined
      ? "client_credentials"
      : "refresh_token",
    ...refreshToken === undefined
      ? {}
      : { refresh_token: refreshToken.reveal() },
    ...scope === "" ? {} : { scope },
  });
  const headers = new Headers({ accept: "application/json" });
  // RFC 6749 section 2.3.1: every server takes Basic from a client with a
  // password; one without says who it is in the body, section 3.2.1.
  if (clientSecret === undefined) body.set("client_id", clientId);
  else {
    const pair = `${formEncode(clientId)}:${formEncode(clientSecret.reveal())}`;
    headers.set("authorization", `Basic ${encodeBase64(pair)}`);
  }
  const place = `the token endpoint at ${url.host}`;
  let response: Response;
  let text: string | undefined;
  try {
    response = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal,
    });
    text = await readAll(response);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new SecretError(`Cannot reach ${place}`, { cause });
  }
  if (text === undefined) {
    throw new SecretError(
      `Answer of ${place} is too long: expected at most ${MAX_OAUTH_ANSWER_BYTES} bytes`,
    );
  }
  const answer = parseObject(text);
  if (!response.ok) {
    throw new SecretError(
      `No token from ${place}: status ${response.status}${
        formatProblem(answer["error"])
      }`,
    );
  }
  return toAnswer(answer, place);
}

/** RFC 6749 section 5.1. */
function toAnswer(answer: Record<string, unknown>, place: string): Answer {
  const { access_token: token, token_type: type } = answer;
  // RFC 6750 section 2.1 has no other characters.
  if (typeof token !== "string" || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    throw new SecretError(
      `Cannot use the answer of ${place}: expected JSON with an "access_token"`,
    );
  }
  if (typeof type !== "string" || type.toLowerCase() !== "bearer") {
    throw new SecretError(
      `Cannot use the token of ${place}: expected the "token_type" Bearer`,
    );
  }
  const refresh = answer["refresh_token"];
  return {
    secret: new Secret(token),
    lifeMs: lifeMsOf(answer["expires_in"]),
    ...typeof refresh === "string" && refresh !== ""
      ? { refreshToken: new Secret(refresh) }
      : {},
  };
}

/** Some servers say the seconds as a string. */
function lifeMsOf(expiresIn: unknown): number {
  const seconds = typeof expiresIn === "string" || typeof expiresIn === "number"
    ? Number(expiresIn)
    : NaN;
  if (!(seconds >= 0)) return DEFAULT_TOKEN_LIFE_MS;
  const lifeMs = seconds * 1_000;
  return Math.max(lifeMs - TOKEN_MARGIN_MS, lifeMs / 2);
}

/** RFC 6749 section 5.2: the codes there are. */
const PROBLEMS: ReadonlySet<unknown> = new Set([
  "invalid_request",
  "invalid_client",
  "invalid_grant",
  "unauthorized_client",
  "unsupported_grant_type",
  "invalid_scope",
]);

function formatProblem(error: unknown): string {
  return PROBLEMS.has(error) ? `, ${error}` : "";
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? value as Record<string, unknown>
      : {};
  } catch {
    return {};
  }
}

/** As in a form: RFC 6749 appendix B. */
function formEncode(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}

/** The whole body, or `undefined` where it is too long. */
async function readAll(response: Response): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > MAX_OAUTH_ANSWER_BYTES) return undefined;
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
