/**
 * Stand-in for `@std/encoding`, for a network where only the npm registry can
 * be reached: what Postern uses of it, and no more.
 */
export * from "./base64.ts";
export * from "./base64url.ts";
export * from "./hex.ts";
