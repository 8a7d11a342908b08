// What a user's own channel is called, whatever the host's ids look like.

/** How many characters an id, or what stands for it, may have in a channel's name. */
const LONGEST = 135;
const PLAIN = /^[A-Za-z0-9_\-@,.;][A-Za-z0-9_\-=@,.;]*$/;

/**
 * The name of the channel of a user. An id that cannot stand in it as it is stands as `=` and its base64url, and one
 * that is too long even so as `==` and the base64url of its SHA-256. That one takes a moment, and rejects where the
 * browser does not hash, as on pages that are not secure; `GET /messages/unread` says the caller's, too.
 */
export function userChannel(userId: string): string | Promise<string> {
  const named = (part: string) => `private-user-${part}`;
  if (userId.length <= LONGEST && PLAIN.test(userId)) return named(userId);
  const bytes = new TextEncoder().encode(userId);
  const encoded = `=${base64url(bytes)}`;
  if (encoded.length <= LONGEST) return named(encoded);
  return sha256(bytes).then((hash) => named(`==${base64url(hash)}`));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
