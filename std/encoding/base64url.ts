/** Stand-in for `@std/encoding/base64url`: the same functions from npm. */
export { decodeBase64Url, encodeBase64Url } from "byte-encodings/base64url";
